"""Programs written for the official client, with aidial_min.compat: import paths, patches, pickles, refusals."""

import asyncio
import os
import pickle
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from unittest import mock

import pytest

import aidial_min
import aidial_min.resources
import aidial_min.types
from aidial_min import compat
from aidial_min.testing import DialServer

from .support.names import official_names

ROOT = Path(__file__).resolve().parents[1]
OFFICIAL = official_names()
"""Names by module, "" for the package."""
NAME = "official_client_of_the_tests"
"""Another name than aidial_client, which may be installed beside the tests."""


@pytest.fixture
def installed():
    compat.install(NAME)
    yield import_module(NAME)
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "_name", None) != NAME]
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def run(code, *path):
    """Output of a program in a fresh interpreter, with the package and further folders on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), str(ROOT)])}
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    ran = subprocess.run(command, env=environment, capture_output=True, timeout=60, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


# Import paths


@pytest.mark.parametrize("place", sorted(OFFICIAL))
def test_every_name_of_every_path_means_something(installed, place):
    module = import_module(("%s.%s" % (NAME, place)).rstrip("."))
    assert set(OFFICIAL[place]) <= set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is getattr(module, name)
        assert name in dir(module)


def test_every_module_is_known():
    assert set(OFFICIAL) == compat.PATHS


@pytest.mark.parametrize(
    "place, name, ours",
    [
        ("", "AsyncDial", aidial_min.AsyncDial),
        ("_exception", "DialException", aidial_min.DialException),
        ("_client", "Dial", aidial_min.Dial),
        ("_client_pool", "AsyncDialClientPool", aidial_min.AsyncDialClientPool),
        ("_auth", "SyncAuthValue", aidial_min.SyncAuthValue),
        ("_constants", "DEFAULT_TIMEOUT", aidial_min.Timeout()),
        ("resources", "AsyncMetadata", aidial_min.resources.AsyncMetadata),
        ("resources.files", "AsyncFiles", aidial_min.resources.AsyncFiles),
        ("resources.application", "Application", aidial_min.resources.Application),
        ("types.application", "Application", aidial_min.types.Application),
        ("types.chat.request_param", "UserMessageParam", aidial_min.types.UserMessageParam),
        ("types.file", "FileDownloadResponse", aidial_min.FileDownloadResponse),
    ],
)
def test_paths_mean_ours(installed, place, name, ours):
    module = import_module(("%s.%s" % (NAME, place)).rstrip("."))
    assert getattr(module, name) == ours


def test_modules_are_reached_as_attributes_too(installed):
    assert installed.types.chat.response.Attachment is aidial_min.types.Attachment
    scope = {}
    exec("from %s.types.chat import response as models\nfrom %s._exception import *" % (NAME, NAME), scope)
    assert scope["models"].ChatCompletionChunk is aidial_min.types.ChatCompletionChunk
    assert scope["ParsingDataError"] is aidial_min.ParsingDataError


def test_what_is_not_there_is_refused(installed):
    for place in (installed, installed._log, installed._constants, installed.resources.files):
        with pytest.raises(AttributeError, match="no attribute 'Nope'"):
            place.Nope  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Nope'"):
        exec("from %s.types.metadata import Nope" % NAME)
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        import_module(NAME + ".nope")


@pytest.mark.parametrize("place", sorted(compat.UNCOVERED))
def test_modules_that_are_not_covered_say_why(installed, place):
    with pytest.raises(ModuleNotFoundError, match="aidial_min has no %s.%s: ...+" % (NAME, place)):
        import_module("%s.%s" % (NAME, place))


def test_nothing_is_loaded_that_is_not_asked_for():
    code = """
        import sys
        import aidial_min.compat
        aidial_min.compat.install()
        assert not [name for name in sys.modules if name.startswith("aidial_client")]
        import aidial_client, aidial_client.types.chat, aidial_client.resources.files
        print(*[name for name in sys.modules if name.startswith("aidial_min.")])
    """
    assert not {"aidial_min.client", "aidial_min.types", "aidial_min.resources"} & set(run(code))


# Other doors


def test_a_folder_of_two_lines(tmp_path):
    folder = tmp_path / "aidial_client"
    folder.mkdir()
    (folder / "__init__.py").write_text("from aidial_min.compat import install\ninstall(__name__)\n")
    code = """
        from aidial_client import AsyncDial
        from aidial_client.types.chat.legacy.chat_completion import Role
        import aidial_client.resources.files
        print(AsyncDial.__module__.split(".")[0], Role.TOOL.value, aidial_client.resources.files.Files.__name__)
    """
    assert run(code, tmp_path) == ["aidial_min", "tool", "Files"]


def test_installing_twice_changes_nothing(installed):
    finders = list(sys.meta_path)
    compat.install(NAME)
    assert sys.meta_path == finders and import_module(NAME) is installed


def test_the_real_package_must_not_be_there_already(tmp_path):
    folder = tmp_path / "aidial_client"
    folder.mkdir()
    (folder / "__init__.py").write_text("from ._client import Dial\n")
    (folder / "_client.py").write_text("class Dial: pass\n")
    code = """
        import aidial_client, aidial_min.compat
        try:
            aidial_min.compat.install()
        except ImportError as error:
            print(error)
        assert aidial_client.Dial.__module__ == "aidial_client._client"
    """
    said = " ".join(run(code, tmp_path))
    assert said == "aidial_client has been imported already: call aidial_min.compat.install() before its first import"


# What programs and their tests do


def test_mock_patch_reaches_the_methods_that_clients_call(installed):
    async def download():
        async with aidial_min.AsyncDial(base_url="http://localhost:9", api_key="k") as client:
            return await client.files.download("files/b/a.txt")

    with mock.patch(NAME + ".resources.files.AsyncFiles.download", new_callable=mock.AsyncMock) as patched:
        assert asyncio.run(download()) is patched.return_value
    patched.assert_awaited_once_with("files/b/a.txt")

    with mock.patch(NAME + ".resources.files.Files.download", return_value="content"):
        with aidial_min.Dial(base_url="http://localhost:9", api_key="k") as client:
            assert client.files.download("files/b/a.txt") == "content"


@pytest.mark.parametrize(
    "place",
    [
        "files.{}Files.upload",
        "chat.completions.{}ChatCompletions.create",
        "metadata.{}Metadata.get",
        "bucket.{}Bucket.get_raw",
    ],
)
def test_mock_sees_which_methods_are_coroutine_functions(installed, place):
    with mock.patch("%s.resources.%s" % (NAME, place.format("Async"))) as patched:
        assert isinstance(patched, mock.AsyncMock)
    with mock.patch("%s.resources.%s" % (NAME, place.format(""))) as patched:
        assert not isinstance(patched, mock.AsyncMock)
    double = mock.MagicMock(spec=installed.AsyncDial)
    assert isinstance(double, installed.AsyncDial) and isinstance(double.my_bucket, mock.AsyncMock)


def test_the_callers_places_ask_what_was_patched(installed):
    async def homes(client):
        bucket, files, appdata = client.my_bucket(), client.my_files_home(), client.my_appdata_home()
        return [str(await value if asyncio.iscoroutine(value) else value) for value in (bucket, files, appdata)]

    raw = aidial_min.types.BucketResponse(bucket="raw", appdata="b/appdata/app")
    for cls, areas in ((installed.Dial, "Bucket"), (installed.AsyncDial, "AsyncBucket")):
        client = cls(base_url="http://localhost:9", api_key="k")
        with mock.patch("%s.resources.bucket.%s.get_raw" % (NAME, areas), return_value=raw):
            assert asyncio.run(homes(client)) == ["raw", "files/raw", "b/appdata/app"]
        with mock.patch.object(cls, "my_bucket", return_value="class"):
            assert asyncio.run(homes(client)) == ["class", "files/class", "b/appdata/app"]
        fresh = cls(base_url="http://localhost:9", api_key="k")
        fresh.bucket = mock.create_autospec(fresh.bucket)
        fresh.bucket.get_bucket.return_value, fresh.bucket.get_appdata.return_value = "double", None
        assert asyncio.run(homes(fresh)) == ["double", "files/double", "None"]
        fresh.bucket.get_bucket.return_value = "later"
        assert asyncio.run(homes(fresh))[0] == "double", "asked once"
        fresh._my_bucket = None  # what programs do to ask again
        assert asyncio.run(homes(fresh)) == ["later", "files/later", "None"]
        with mock.patch.object(cls, "_get_my_bucket", return_value="wrapped") as patched:
            wrapped = cls(base_url="http://localhost:9", api_key="k")
            wrapped._my_appdata = None
            assert asyncio.run(homes(wrapped)) == ["wrapped", "files/wrapped", "None"]
            assert isinstance(patched, mock.AsyncMock) is (cls is installed.AsyncDial)
        own = cls(base_url="http://localhost:9", api_key="k")
        own._get_my_bucket, own._get_my_appdata = mock.Mock(return_value="own"), mock.AsyncMock(return_value=None)
        if cls is installed.Dial:
            own._get_my_appdata = mock.Mock(return_value=None)
        assert asyncio.run(homes(own)) == ["own", "files/own", "None"] and own._get_my_bucket.call_count == 1


def test_mock_patch_of_a_name_is_undone(installed):
    with mock.patch(NAME + "._client.Dial") as patched:
        assert import_module(NAME + "._client").Dial is patched
    assert import_module(NAME + "._client").Dial is aidial_min.Dial


def test_patched_methods_are_themselves_again(installed):
    with DialServer() as server, aidial_min.Dial(base_url=server.url, api_key=server.api_key) as client:
        url = client.my_files_home() / "a.txt"
        with mock.patch(NAME + ".resources.files.Files.upload"):
            client.files.upload(url, b"not sent")
        client.files.upload(url, b"abc")
        assert client.files.download(url).get_content() == b"abc"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(installed, protocol):
    legacy = import_module(NAME + ".types.chat.legacy.chat_completion")
    values = [
        installed._exception.ResourceNotFoundError("gone"),
        installed.types.chat.Attachment(title="a", url="files/b/a"),
        legacy.ToolCall(id="1", type="function", function={"name": "f", "arguments": "{}"}),
        legacy.Role.TOOL,
        installed._constants.DEFAULT_TIMEOUT,
    ]
    read = pickle.loads(pickle.dumps(values, protocol))
    assert [repr(value) for value in read] == [repr(value) for value in values]
    assert read[1:] == values[1:]


def test_pickles_that_name_the_official_modules_are_read(installed):
    """Written by hand as pickle protocol 0: a class by its module and name."""
    written = b"c%s._exception\nEtagMismatchError\n." % NAME.encode()
    assert pickle.loads(written) is aidial_min.EtagMismatchError


def empty(cls):
    return cls.__new__(cls)


class AsPydanticPickles:
    """Pickles as a model of the official client does: its class by name, and the state of pydantic 2 or 1."""

    def __init__(self, cls, came, unset=(), extra=None, old=False):
        values = {"__dict__": {**came, **dict.fromkeys(unset)}}
        if old:
            self.state = {**values, "__fields_set__": set(came), "__private_attribute_values__": {}}
        else:
            set_fields = {*came, *(extra or ())}
            self.state = {**values, "__pydantic_extra__": extra, "__pydantic_fields_set__": set_fields}
        self.cls = cls

    def __reduce__(self):
        return empty, (self.cls,), self.state


def test_models_that_the_official_client_pickled_are_read():
    attachment = AsPydanticPickles(aidial_min.types.Attachment, {"title": "t"}, unset=["url"], extra={"more": 1})
    content = AsPydanticPickles(aidial_min.types.CustomContent, {"attachments": [attachment]}, unset=["state"])
    read = pickle.loads(pickle.dumps(content))
    assert read.to_dict() == {"attachments": [{"title": "t", "more": 1}]}
    assert read == aidial_min.types.CustomContent.from_json(read.to_dict())
    prompt = AsPydanticPickles(aidial_min.types.Prompt, {"id": "i", "name": "n", "folder_id": "f"}, extra={"newKey": 2})
    assert pickle.loads(pickle.dumps(prompt)).to_dict() == {"id": "i", "name": "n", "folderId": "f", "newKey": 2}
    function = AsPydanticPickles(aidial_min.types.FunctionCall, {"name": "f", "arguments": "{}"}, old=True)
    assert pickle.loads(pickle.dumps(function)) == aidial_min.types.FunctionCall(name="f", arguments="{}")


# The models of types.chat.legacy


def legacy():
    return import_module("aidial_min.types.chat.legacy")


def test_roles_are_str_enums():
    role = legacy().Role
    assert (
        role.TOOL == "tool" and role("tool") is role.TOOL and role.TOOL.value == "tool" and isinstance(role.TOOL, str)
    )
    assert [member.value for member in role] == ["system", "user", "assistant", "function", "tool"]


def test_tool_calls_as_agents_build_them():
    piece = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"q": 1}'}}
    call = legacy().ToolCall.validate(piece)
    assert (call.index, call.id, call.function.name, call.function.arguments) == (None, "call_1", "search", '{"q": 1}')
    assert call.dict(exclude_none=True) == piece
    assert legacy().ToolCall.parse_obj({**piece, "index": 2}).index == 2
    function = legacy().FunctionCall(name="search", arguments="{}")
    assert legacy().ToolCall(index=0, id="1", type="function", function=function).function is function
    message = legacy().Message(role=legacy().Role.ASSISTANT, tool_calls=[call])
    assert message.tool_calls == [call] and message.role == "assistant"
    delta = aidial_min.types.ChatCompletionChunk.from_json(
        {"choices": [{"delta": {"tool_calls": [{**piece, "index": 0}]}}]}
    )
    assert legacy().ToolCall.validate(delta.choices[0].delta.tool_calls[0]) == legacy().ToolCall(index=0, **piece)
    assert list(call.dict()) == ["index", "id", "type", "function"] and list(function.dict()) == ["name", "arguments"]


def test_words_of_a_message_are_members_of_their_enums():
    role, status = legacy().Role, legacy().Status
    for message in (
        legacy().Message(role="user"),
        legacy().Message.parse_obj({"role": "user"}),
        legacy().Message.parse_raw('{"role": "user"}'),
        pickle.loads(pickle.dumps(legacy().Message(role="user"))),
    ):
        assert message.role is role.USER and message.dict(exclude_none=True) == {"role": role.USER}
    assert legacy().Message(role="developer").role == "developer"
    assert legacy().Stage(name="s", status="failed").status is status.FAILED


def test_json_of_these_is_that_of_pydantic_1():
    message = legacy().Message(role="user", content="é", custom_content={"state": [1, 2]})
    assert message.json(exclude_none=True) == (
        '{"role": "user", "content": "\\u00e9", "custom_content": {"state": [1, 2]}}'
    )


def test_attachments_of_answers_are_taken():
    attachment = aidial_min.types.Attachment(type="text/plain", url="files/b/t")
    assert legacy().CustomContent(attachments=[attachment]).attachments[0].dict(exclude_none=True) == {
        "type": "text/plain",
        "url": "files/b/t",
    }


def test_custom_content_as_agents_build_it():
    content = legacy().CustomContent(attachments=[legacy().Attachment(title="t", url="files/b/t")], state={"a": 1})
    attachment = {"type": "text/markdown", "title": "t", "url": "files/b/t"}
    assert content.dict(exclude_none=True) == {"attachments": [attachment], "state": {"a": 1}}
    assert list(content.dict()) == ["stages", "attachments", "state"]
