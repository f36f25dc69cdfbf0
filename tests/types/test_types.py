"""The types of every area: the official names, real answers kept whole, and imports that stay small."""

import ast
import dataclasses
import inspect
import json
import pathlib
import pickle
import re
import subprocess
import sys
import typing
from importlib import import_module

import pytest

import aidial_min
from aidial_min.errors import ParsingDataError
from aidial_min.types._model import Model

HERE = pathlib.Path(__file__).parent
TYPES = pathlib.Path(*aidial_min.__path__) / "types"
OFFICIAL = json.loads((HERE / "names_0_18.json").read_text("utf-8"))
ANSWERS = [json.loads(line) for line in (HERE / "answers.jsonl").read_bytes().strip().split(b"\n")]

MODULES = sorted(".".join(path.relative_to(TYPES).with_suffix("").parts) for path in TYPES.rglob("[a-z]*.py"))
AREAS = [name for name in MODULES if name not in ("file",)]


def load(name: str) -> typing.Any:
    return import_module("aidial_min.types." + name)


def find(qualified: str) -> typing.Any:
    module, name = qualified.rsplit(".", 1)
    return getattr(load(module), name)


def rows(kind: str) -> typing.List[typing.Any]:
    return [
        pytest.param(module.partition(".")[2], name, content, id="%s.%s" % (module, name))
        for module, kinds in OFFICIAL.items()
        for name, content in kinds.get(kind, {}).items()
    ]


def all_models() -> typing.List[typing.Any]:
    found = {
        value
        for area in AREAS
        for value in vars(load(area)).values()
        if isinstance(value, type) and issubclass(value, Model) and value.__module__ == "aidial_min.types." + area
    }
    return sorted(found, key=lambda model: model.__qualname__)


def test_what_may_lack_its_time_says_so():
    assert load("model").ModelInfo.from_json({"id": "a"}).created_at is None
    assert load("toolset").ToolsetInfo.from_json({"id": "a"}).created_at is None


class TestOfficialNames:
    """Every type of aidial-client 0.18.0 is where it was, with its fields, keys and literals."""

    @pytest.mark.parametrize("module, name, fields", [row for row in rows("models") if "file" not in row.values[0]])
    def test_models(self, module, name, fields):
        model = find("%s.%s" % (module, name))
        if not issubclass(model, Model):
            assert name == "SigninResult"
            return
        plan = model._get_plan()
        for field in fields:
            attribute, _, key = field.partition(" ")
            assert attribute in plan.fields or attribute in plan.attributes
            if key:
                assert plan.keys[attribute] == key

    @pytest.mark.parametrize("module, name, keys", rows("params"))
    def test_params(self, module, name, keys):
        params = find("%s.%s" % (module, name))
        assert params.__required_keys__ == set(keys["required"])
        assert params.__optional_keys__ >= set(keys["optional"])

    @pytest.mark.parametrize("module, name, content", [row for row in rows("constants") if row.values[1] != "__all__"])
    def test_literals_and_unions(self, module, name, content):
        text = str(find("%s.%s" % (module or "chat", name)))
        assert re.findall(r"\b[A-Za-z]\w*Param\b|ResponseFormat\w+|'\w+'", text) == [
            repr(word) if text.startswith("typing.Literal") else word for word in content if word not in ("str", "list")
        ]

    def test_exports_of_chat(self):
        chat = load("chat")
        for name in OFFICIAL["types.chat"]["constants"]["__all__"]:
            assert getattr(chat, name) is not None

    def test_signin_result(self):
        result = find("client_channel.SigninResult")
        assert [member.value for member in result] == ["success", "denied", "error"]
        assert result("denied") is result.DENIED and result.SUCCESS == "success"

    def test_names_of_the_guide(self):
        assert find("chat.response.ChunkEmptyDelta") is find("chat.response.ChatCompletionMessageDelta")

    def test_the_file_module_forwards_the_download(self):
        module = load("file")
        assert "FileDownloadResponse" in dir(module)
        assert module.FileDownloadResponse is aidial_min.FileDownloadResponse
        with pytest.raises(AttributeError):
            _ = module.Nope


class TestRecordedAnswers:
    @pytest.mark.parametrize(
        "answer", ANSWERS, ids=["%s %s" % (answer["type"].rsplit(".", 1)[1], answer["title"]) for answer in ANSWERS]
    )
    def test_nothing_is_lost(self, answer):
        model = find(answer["type"]).from_json(json.loads(json.dumps(answer["json"])))
        assert model.to_dict() == answer["json"]
        assert pickle.loads(pickle.dumps(model)) == model
        assert repr(model).startswith(type(model).__name__ + "(")

    def test_nearly_everything_is_declared(self):
        unknown = set()

        def visit(value: typing.Any) -> None:
            if isinstance(value, Model):
                unknown.update(
                    "%s.%s" % (type(value).__name__, key) for key in value.keys() if key not in value._get_plan().fields
                )
                for key in value.keys():
                    visit(value[key])
            elif isinstance(value, list):
                for item in value:
                    visit(item)

        for answer in ANSWERS:
            visit(find(answer["type"]).from_json(answer["json"]))
        # A folder inside a listing says "items": null.
        assert {name for name in unknown if not name.endswith("Item.items")} == set()

    def test_a_chunk_of_usage_alone(self):
        chunk = find("chat.ChatCompletionChunk").from_json({"choices": [], "usage": {"total_tokens": 3}})
        assert chunk.choices == [] and chunk.usage.total_tokens == 3
        assert not chunk.id and not chunk.created and chunk.model is None

    def test_a_delta_may_lack_everything(self):
        chunk = find("chat.ChatCompletionChunk").from_json({"choices": [{"finish_reason": "stop"}]})
        choice = chunk.choices[0]
        assert (choice.index, choice.delta.content, choice.finish_reason) == (0, None, "stop")

    @pytest.mark.parametrize(
        "name, data, path",
        [
            ("chat.ChatCompletionResponse", {"id": "x"}, "choices"),
            ("chat.ChatCompletionResponse", {"choices": [{"index": 0}]}, "choices[0].message"),
            ("deployment.DeploymentsResponse", {"data": [{"id": "a"}, {}]}, "data[1].id"),
            ("bucket.BucketResponse", {}, "bucket"),
            ("metadata.FileMetadata", {"url": "u", "items": [{"name": "a"}]}, "items[0].url"),
            ("metadata.FileMetadata", {"url": "u", "items": [{"url": "a"}, {"url": 5}]}, "items[1].url"),
            ("metadata.FileMetadata", {"url": "u", "items": [{"url": "a", "etag": ["x"]}]}, "items[0].etag"),
            ("metadata.PromptMetadata", {"url": "u", "items": [{"url": "a", "bucket": {}}]}, "items[0].bucket"),
            ("metadata.NodeMetadata", {"url": "u", "nextToken": 5}, "nextToken"),
            ("sharing.ShareLink", {}, "invitationLink"),
            ("publication.RulesResponse", {"rules": {"public/": {}}}, "rules.public/"),
        ],
    )
    def test_what_nothing_works_without(self, name, data, path):
        with pytest.raises(ParsingDataError) as caught:
            find(name).from_json(data)
        assert caught.value.path == path


class TestPrinting:
    """Declared fields stand in the order of the client guide."""

    def test_completion(self):
        message = {"role": "assistant", "content": "5"}
        usage = {"prompt_tokens": 11, "completion_tokens": 1, "total_tokens": 12}
        response = find("chat.ChatCompletionResponse").from_json(
            {
                "choices": [{"message": message, "finish_reason": "stop", "index": 0}],
                "model": "gpt",
                "usage": usage,
                "created": 1724833500,
                "id": "chatcmpl-1",
                "object": "chat.completion",
            }
        )
        assert repr(response) == (
            "ChatCompletionResponse(id='chatcmpl-1', object='chat.completion', choices=[Choice(index=0, "
            "message=ChatCompletionMessage(role='assistant', content='5', custom_content=None, function_call=None, "
            "tool_calls=None), finish_reason='stop', logprobs=None)], "
            "created=1724833500, model='gpt', usage=CompletionUsage(prompt_tokens=11, completion_tokens=1, "
            "total_tokens=12), system_fingerprint=None)"
        )

    @pytest.mark.parametrize(
        "name, beginning",
        [
            ("chat.ChatCompletionChunk", "id object choices created model usage system_fingerprint"),
            ("chat.ChoiceDelta", "index delta finish_reason logprobs"),
            ("chat.ChunkEmptyDelta", "content object tool_calls role"),
            ("deployment.Deployment", "id model owner object status created_at updated_at scale_settings features"),
            (
                "application.Application",
                "object id description application display_name display_version icon_url reference owner status"
                " created_at updated_at features input_attachment_types defaults max_input_attachments"
                " description_keywords",
            ),
            (
                "metadata.FileMetadata",
                "name parent_path bucket url node_type resource_type content_length content_type items updated_at"
                " etag created_at",
            ),
        ],
    )
    def test_order(self, name, beginning):
        data = {"id": "", "url": ""}
        names = [pair[0] for pair in find(name).from_json(data)._all_values()]
        assert " ".join(names).startswith(beginning)


class TestModels:
    @pytest.mark.parametrize("model", all_models(), ids=lambda model: model.__name__)
    def test_a_plan_can_be_made_and_annotations_resolve(self, model):
        assert set(model._get_plan().fields) <= set(typing.get_type_hints(model))

    def test_every_list_and_dict_that_did_not_come_is_made_once_and_kept(self):
        seen = 0
        for model in all_models():
            plan = model._get_plan()
            required = {plan.attributes.get(key, key): "x" for key in plan.required}
            for name, make in plan.factories.items():
                seen += 1
                key, value = plan.keys.get(name, name), [1] if make is list else {"a": 1}
                for made in (model.from_json(dict(required)), model(**required)):
                    first = getattr(made, name)
                    assert first == make() and first is getattr(made, name), (model, name)
                    assert key not in made.to_dict() and name not in made, "asking changes nothing"
                    if make is list:
                        first.append(1)
                    elif make is dict:
                        first["a"] = 1
                    else:
                        continue
                    assert made.to_dict()[key] == value, (model, name)
                    assert getattr(pickle.loads(pickle.dumps(made)), name) == value
                    assert getattr(model(**required), name) == make(), "shared with no other"
                if make in (list, dict):
                    mine = make()
                    given = model(**required, **{name: mine})
                    assert getattr(given, name) is mine and given.to_dict()[key] == mine, (model, name)
                assert getattr(model.from_json({**required, key: None}), name) == make(), (model, name)
        assert seen > 15

    def test_all_are_dataclasses_to_whoever_asks(self):
        for model in all_models():
            fields = dataclasses.fields(model)
            assert [field.name for field in fields] == list(model._get_plan().fields)
            names = [name for name in inspect.signature(model).parameters]
            assert names == [field.name for field in fields], model
            tree = inspect.getsource(model)
            assert tree.startswith("@dataclass\n"), model

    @pytest.mark.parametrize("area", AREAS)
    def test_params_resolve(self, area):
        for value in vars(load(area)).values():
            if isinstance(value, type) and hasattr(value, "__required_keys__"):
                assert set(typing.get_type_hints(value)) == value.__required_keys__ | value.__optional_keys__

    def test_appdata(self):
        parse = find("bucket.AppData").parse
        data = parse("BUCKET/appdata/my%20app/deeper")
        assert (data.raw, data.user_bucket, data.app_name) == (
            "BUCKET/appdata/my%20app/deeper",
            "BUCKET",
            "my%20app/deeper",
        )
        assert parse("b/appdata/x/appdata/y").app_name == "x/appdata/y"
        for text in ("", "b", "b/appdata", "b/appdata/", "/appdata/x", "files/b/appdata/x"):
            with pytest.raises(ParsingDataError):
                parse(text)

    def test_share_link(self):
        link = find("sharing.ShareLink").from_json({"invitationLink": "/v1/invitations/9f"})
        assert (link.link, link.id, link.invitationLink) == ("/v1/invitations/9f", "9f", "/v1/invitations/9f")
        assert link.to_dict() == {"invitationLink": "/v1/invitations/9f"}

    def test_user_claims(self):
        info = find("user.UserInfo").from_json({"roles": [], "userClaims": {"title": ["x"]}})
        assert info.userClaims == info.user_claims == info["userClaims"] == {"title": ["x"]}

    def test_features(self):
        features = find("deployment.Features").from_json({"tools": True, "newer": True})
        assert features.tools and features["tools"] and "tools" in features and features.newer
        assert features.seed is None and features.reasoning_efforts == []
        assert dict(features) == {"tools": True, "newer": True}

    def test_limits(self):
        stats = find("limits.LimitStats").from_json(
            {"dayTokenStats": {"total": 2**63 - 1, "used": 5}, "minuteTokenStats": {"total": 10, "used": 18}}
        )
        assert stats.day_token_stats.unlimited and not stats.minute_token_stats.unlimited
        assert stats.week_token_stats is None

    def test_an_application_s_definition(self):
        application = find("application.CustomApplication").from_json(
            {
                "name": "applications/b/f",
                "features": {"rate_endpoint": "http://x/rate", "seed": True},
                "function": {"status": "STARTED", "mapping": {"completion": "/c"}, "env": {"A": "1"}},
            }
        )
        assert application.features.rate_endpoint == "http://x/rate" and application.features.seed
        assert isinstance(application.features, find("deployment.Features"))
        assert application.function.mapping.completion == "/c" and application.function.env == {"A": "1"}
        assert application.interceptors == []

    def test_an_answer_s_message_goes_back_without_nulls(self):
        message = find("chat.ChatCompletionMessage")(content="hi")
        assert message.to_dict() == {"role": "assistant", "content": "hi"}


class TestParams:
    def test_chat_params(self):
        params = find("chat.request.ChatParams")
        assert set(params.__annotations__) == set(
            "model functions function_call tools tool_choice parallel_tool_calls temperature top_p n stop max_tokens"
            " max_completion_tokens max_prompt_tokens presence_penalty frequency_penalty logit_bias seed user"
            " reasoning_effort prompt_cache_key prompt_cache_options response_format stream_options custom_fields"
            " logprobs top_logprobs addons data_sources verbosity service_tier modalities audio prediction"
            " web_search_options metadata store safety_identifier moderation prompt_cache_retention".split()
        )
        assert not params.__required_keys__

    def test_a_whole_request_is_the_params_and_two_more(self):
        request = find("chat.request.ChatCompletionRequest")
        more = set(request.__annotations__) - set(find("chat.request.ChatParams").__annotations__)
        assert more == {"messages", "stream"}


class TestLazyNames:
    @pytest.mark.parametrize("package", ["", "chat"])
    def test_every_name_is_seen_by_type_checkers_and_at_run_time(self, package):
        module = load(package) if package else import_module("aidial_min.types")
        tree = ast.parse((TYPES / package / "__init__.py").read_text("utf-8"))
        homes = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
        seen = {
            name: home for home in homes for name in load(package + "." + home if package else home).__all__
        }  # what `from .home import *` gives to type checkers
        assert module.__all__ == sorted(seen) and set(module.__all__) <= set(dir(module))
        for name, home in seen.items():
            assert getattr(module, name) is getattr(load(package + "." + home if package else home), name)

    def test_a_module_names_all_that_it_defines(self):
        for name in AREAS:
            if name == "chat.legacy":
                continue
            values = vars(load(name))
            public = {key for key, value in values.items() if getattr(value, "__module__", "") == load(name).__name__}
            assert {key for key in public if not key.startswith("_")} <= set(load(name).__all__), name

    def test_every_public_class_is_offered(self):
        offered = set(import_module("aidial_min.types").__all__)
        for name in set(MODULES) - {"chat.legacy"}:
            tree = ast.parse((TYPES / (name.replace(".", "/") + ".py")).read_text("utf-8"))
            classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
            assert {name for name in classes if not name.startswith("_")} <= offered

    def test_other_names_do_not_exist(self):
        for name in ("aidial_min.types", "aidial_min.types.chat"):
            with pytest.raises(AttributeError, match="Nope"):
                _ = import_module(name).Nope


@pytest.fixture(scope="module")
def loaded_by():
    """What each area loads, in an interpreter that forgets what it has loaded before the next one."""
    code = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "before = set(sys.modules)\n"
        "for area in sys.argv[2:]:\n"
        "    __import__('aidial_min.types.' + area)\n"
        "    loaded = set(sys.modules) - before\n"
        "    print(area, *loaded)\n"
        "    for name in loaded:\n"
        "        del sys.modules[name]\n"
    )
    # -I and -S: no site-packages, so that anything else would fail to import.
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code, str(TYPES.parent.parent), *MODULES]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    return {line.split()[0]: set(line.split()[1:]) for line in output.splitlines()}


class TestImports:
    # What each area stands on; every other area must stay unloaded.
    CHAT_PARAMS = {"chat", "chat.cache", "chat.function", "chat.tool", "chat.request_param"}
    NEEDS = {
        "application": {"deployment"},
        "model": {"deployment"},
        "toolset": {"deployment"},
        "completion": {"chat", "chat.response"},
        "chat.cache": {"chat"},
        "chat.function": {"chat"},
        "chat.response": {"chat"},
        "chat.legacy": {"chat"},
        "chat.tool": {"chat", "chat.cache", "chat.function"},
        "chat.request_param": CHAT_PARAMS - {"chat.request_param"},
        "chat.request": CHAT_PARAMS,
    }

    @pytest.mark.parametrize("area", MODULES)
    def test_one_area_loads_no_other_and_only_the_standard_library(self, area, loaded_by):
        loaded = loaded_by[area]
        prefix = "aidial_min.types."
        areas = {name[len(prefix) :] for name in loaded if name.startswith(prefix) and "._" not in name}
        assert areas == {area} | self.NEEDS.get(area, set())
        assert not loaded & {
            "dataclasses",
            "inspect",
            "asyncio",
            "ssl",
            "http.client",
            "urllib.request",
            "socket",
            "typing_extensions",
        }

    @pytest.mark.parametrize("path", sorted(TYPES.rglob("*.py")), ids=lambda path: path.stem)
    def test_modules_and_public_classes_say_what_they_are_for(self, path):
        tree = ast.parse(path.read_text("utf-8"))
        assert len(ast.get_docstring(tree) or "") > 20
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), node.name


LEAVES = [True, 7, "x", "\ud800", [None], [[]], {"a": None}]


@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.__name__)
def test_what_is_derived_from_a_leaf_of_a_wrong_type_is_no_error_of_python(model):
    derived = [name for name in dir(model) if isinstance(inspect.getattr_static(model, name), property)]
    keys = model._get_plan().keys
    for name in model._get_plan().fields:
        for leaf in LEAVES:
            try:
                made = model.from_json({keys.get(name, name): leaf})
            except ParsingDataError:
                continue  # it, or another one that is required
            assert all(hasattr(made, one) for one in derived), (name, leaf)
