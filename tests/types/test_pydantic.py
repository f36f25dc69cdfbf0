"""The names of pydantic models, which code written for the official client calls on its answers."""

import copy
import json
from typing import Any  # noqa: F401  # of a field

import pytest

from aidial_min.errors import ParsingDataError
from aidial_min.types import (
    ChatCompletionMessage,
    ChatCompletionResponse,
    Deployment,
    FileMetadata,
    PromptMetadata,
    UserInfo,
)

MESSAGE = {"role": "assistant", "content": None, "custom_content": {"state": {"a": None}}, "new": {"n": 1}}
ANSWER = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "later": None,
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
}
FILE = {"bucket": "b", "url": "files/b/ü", "nodeType": "ITEM", "resourceType": "FILE", "parentPath": "p", "items": None}


def answer() -> ChatCompletionResponse:
    return ChatCompletionResponse.from_json(copy.deepcopy(ANSWER))


class TestModelDump:
    def test_all_fields_as_plain_values(self):
        dumped = answer().model_dump()
        message = dumped["choices"][0]["message"]
        assert (dumped["id"], dumped["usage"], dumped["later"]) == ("x", None, None)
        assert message["tool_calls"] is None and message["new"] == {"n": 1}
        assert message["custom_content"]["stages"] is None and message["custom_content"]["state"] == {"a": None}

    def test_without_what_did_not_come(self):
        assert answer().model_dump(exclude_unset=True) == ANSWER

    def test_without_none(self):
        expected = copy.deepcopy(ANSWER)
        del expected["later"], expected["choices"][0]["message"]["content"]
        assert answer().model_dump(exclude_none=True) == expected, "what lies in a dict stays"

    def test_without_defaults(self):
        expected = copy.deepcopy(ANSWER)
        del expected["choices"][0]["message"]["content"]
        assert answer().model_dump(exclude_defaults=True) == expected
        deployment = {"id": "a", "model": "a", "object": "model", "created_at": 1, "defaults": {}, "owner": None}
        kept = {"id": "a", "model": "a", "object": "model", "created_at": 1}
        assert Deployment.from_json(deployment).model_dump(exclude_defaults=True) == kept

    def test_some_fields(self):
        assert answer().model_dump(include={"id", "later"}) == {"id": "x", "later": None}
        assert "choices" not in answer().model_dump(exclude=["choices"])

    def test_parts_of_fields(self):
        whole = answer().model_dump()
        (choice,) = whole["choices"]
        for items in ({0: {"message": {"content"}}}, {"__all__": {"message": {"content": True}}}):
            assert answer().model_dump(include={"id": ..., "choices": items}) == {
                "id": "x",
                "choices": [{"message": {"content": None}}],
            }
        assert answer().model_dump(include={"choices": {1: True}}) == {"choices": []}
        kept = {name: value for name, value in choice.items() if name != "message"}
        assert answer().model_dump(exclude={"choices": {"__all__": {"message"}}}) == {**whole, "choices": [kept]}
        assert answer().model_dump(exclude={"choices": {0}}) == {**whole, "choices": []}
        assert answer().model_dump(exclude={"later": False, "id": True}) == {
            name: value for name, value in whole.items() if name != "id"
        }

    def test_names_of_python_or_of_json(self):
        metadata = FileMetadata.from_json(FILE)
        assert metadata.model_dump(exclude_unset=True)["parent_path"] == "p"
        assert metadata.model_dump(by_alias=True, exclude_unset=True) == FILE

    def test_the_names_of_a_user_are_those_of_json(self):
        info = {"roles": ["a"], "userClaims": {"b": 1}, "userDisplayName": "c"}
        dumped = UserInfo.from_json(dict(info)).model_dump(exclude_none=True)
        assert dumped == info and UserInfo.model_validate(dumped) == UserInfo(**info)

    def test_nested_models_get_the_same_options(self):
        listing = {"url": "prompts/b/", "items": [{"url": "prompts/b/a", "nodeType": "ITEM"}]}
        metadata = PromptMetadata.from_json(listing)
        assert metadata.model_dump(by_alias=True, exclude_none=True)["items"][0]["nodeType"] == "ITEM"


class TestJson:
    def test_compact_or_indented(self):
        metadata = FileMetadata.from_json({"url": "files/b/ü"})
        assert metadata.model_dump_json(exclude_unset=True) == '{"url":"files/b/ü"}'
        assert metadata.model_dump_json(exclude_unset=True, indent=1) == '{\n "url": "files/b/ü"\n}'
        assert json.loads(answer().model_dump_json()) == answer().model_dump()

    def test_to_json_is_what_came(self):
        metadata = FileMetadata.from_json(FILE)
        assert json.loads(metadata.to_json()) == FILE and "\n  " in metadata.to_json()
        assert metadata.to_json(indent=None, use_api_names=False, exclude_none=True).count("parent_path") == 1


def test_to_dict_takes_what_it_takes_in_the_official_client():
    metadata = FileMetadata.from_json(FILE)
    assert metadata.to_dict(mode="json", warnings=False) == FILE
    assert metadata.to_dict(exclude_none=True) == {key: value for key, value in FILE.items() if value is not None}
    assert metadata.to_dict(use_api_names=False) == metadata.model_dump(exclude_unset=True)
    assert metadata.to_dict(exclude_unset=False) == metadata.model_dump(by_alias=True)


class TestReading:
    def test_what_was_dumped_reads_as_the_same(self):
        for dumped in (answer().model_dump(), answer().to_dict(), answer()):
            assert ChatCompletionResponse.model_validate(dumped) == answer()
        assert ChatCompletionResponse.model_validate_json(answer().model_dump_json()) == answer()
        assert ChatCompletionResponse.parse_raw(answer().json()) == answer()
        assert ChatCompletionResponse.model_validate(answer().to_dict(), strict=True, context={}) == answer()
        assert ChatCompletionResponse.model_validate_json(answer().json(), strict=True) == answer()
        assert answer().model_dump(round_trip=True, serialize_as_any=True, context={}) == answer().model_dump()
        assert FileMetadata.model_validate(FileMetadata.from_json(FILE).model_dump()).parent_path == "p"

    def test_errors(self):
        with pytest.raises(ParsingDataError, match="choices is missing"):
            ChatCompletionResponse.model_validate({"id": "x"})
        with pytest.raises(ValueError):
            ChatCompletionResponse.model_validate_json("{")


def test_copies():
    original = answer()
    changed = original.model_copy(update={"id": "y", "more": 1})
    assert (changed.id, changed.more, original.id) == ("y", 1, "x") and changed.choices is original.choices
    assert original.model_copy(deep=True) == original and original.model_copy(deep=True).choices is not original.choices


def test_names_of_fields():
    names = ["role", "content", "custom_content"]
    assert list(ChatCompletionMessage.model_fields)[:3] == list(answer().choices[0].message.__fields__)[:3] == names
    assert "new" not in ChatCompletionMessage.model_fields
    assert ChatCompletionMessage.model_fields["role"].default == "assistant"


class TestFieldsOfPydanticModels:
    @pytest.fixture
    def record(self):
        pydantic = pytest.importorskip("pydantic")
        fields = {"file": (FileMetadata, ...), "answers": ("list[ChatCompletionResponse]", ...)}
        others = {
            "user": ("UserInfo | None", None),
            "files": ("dict[str, FileMetadata]", {}),
            "anything": ("Any", None),
        }
        config = {"strict": True, "extra": "forbid"}
        return pydantic.create_model("Record", __module__=__name__, __config__=config, **fields, **others)

    @pytest.fixture
    def given(self):
        file = {name: value for name, value in FILE.items() if value is not None}
        return {"file": {**file, "items": [{"url": "a", "contentLength": "3"}], "newKey": [1]}, "answers": [ANSWER]}

    def test_every_field_of_a_type_is_read_alike(self, record, given):
        read = record(**given, files={"first": given["file"]}).files["first"]
        assert read == record(**given).file and read.parent_path == "p" and read.newKey == [1]

    def test_a_field_of_any_type_writes_them_as_models(self, record, given):
        for holder in (answer(), [answer()], {"a": answer()}):
            read = record(**given, anything=holder)
            for written in (read.model_dump(exclude_none=True), json.loads(read.model_dump_json(exclude_none=True))):
                text = json.dumps(written["anything"])
                assert '"new": {"n": 1}' in text and "usage" not in text

    def test_they_are_read_as_json_spells_them(self, record, given):
        for read in (record(**given), record.model_validate_json(json.dumps(given))):
            assert type(read.file) is FileMetadata and read.file.parent_path == "p" and read.file.newKey == [1]
            assert read.file.items[0].content_length == 3 and read.answers == [answer()]

    def test_they_are_written_as_models_are(self, record, given):
        read = record(**given, user=UserInfo(roles=[]))
        dumped = read.model_dump(exclude_none=True)
        assert dumped["file"]["parent_path"] == "p" and dumped["file"]["newKey"] == [1]
        assert dumped["answers"] == [answer().model_dump(exclude_none=True)] and dumped["user"] == {"roles": []}
        assert json.loads(read.model_dump_json(by_alias=True, exclude_unset=True))["file"] == {
            **given["file"],
            "items": [{"url": "a", "contentLength": 3}],
        }
        assert read.model_dump(include={"file": {"url"}}) == {"file": {"url": FILE["url"]}}
        for again in (record.model_validate(read.model_dump()), record.model_validate_json(read.model_dump_json())):
            assert again == read

    def test_what_was_made_elsewhere_stays_itself(self, record, given):
        mine = answer()
        assert record(**{**given, "answers": [mine]}).answers[0] is mine and mine.to_dict() == ANSWER

    def test_what_does_not_fit_is_refused(self, record, given):
        with pytest.raises(ValueError, match="file.url"):
            record(**{**given, "file": {"url": 1}})
        with pytest.raises(ValueError, match="choices"):
            record(**{**given, "answers": [{}]})

    def test_their_schema(self, record):
        definitions = record.model_json_schema()["$defs"]
        assert {"FileMetadata", "FileItem", "ChatCompletionMessage", "UserInfo"} <= set(definitions)


def test_what_came():
    assert answer().model_extra == {"later": None}
    assert answer().model_fields_set == set(ANSWER)
    assert ChatCompletionMessage(content="a").model_fields_set == {"role", "content"}


def test_older_names():
    assert answer().dict(exclude_none=True) == answer().model_dump(exclude_none=True)
    assert answer().json(exclude_unset=True) == answer().model_dump_json(exclude_unset=True)
    assert answer().copy(update={"id": "y"}).id == "y"


def test_older_names_follow_a_subclass_that_writes_otherwise():
    class Masked(Deployment):
        def model_dump(self, **options):
            return {**super().model_dump(**options), "id": "***"}

        def model_dump_json(self, **options):
            return json.dumps(self.model_dump(**options))

    assert Masked(id="d").dict()["id"] == "***"
    assert json.loads(Masked(id="d").json())["id"] == "***"


class TestOlderNames:
    def test_validate_and_parse_obj(self):
        for read in (ChatCompletionResponse.validate, ChatCompletionResponse.parse_obj):
            assert read(ANSWER) == answer()
            assert read(answer()) == answer()
            with pytest.raises(ParsingDataError):
                read({"id": "x"})

    def test_construct_checks_nothing(self):
        for construct in (Deployment.model_construct, Deployment.construct):
            made = construct(id="d", something=1)
            assert (made.id, made.something, made.features) == ("d", 1, None)
            assert made.model_dump(exclude_none=True)["id"] == "d"
