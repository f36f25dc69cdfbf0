"""What callers pass: any object that stands for JSON, anywhere; anything else is refused with its place."""

import collections
import dataclasses
import datetime
import enum
import json
import types
from typing import Any, List, Optional

import pytest

from aidial_min.errors import InvalidRequestError
from aidial_min.types import Attachment, ChatCompletionMessage
from aidial_min.types._plain import plain


class Role(str, enum.Enum):
    USER = "user"


class Level(enum.IntEnum):
    HIGH = 3


class Odd(enum.Enum):
    OBJECT = {"role": Role.USER}


class Text(str):
    pass


@dataclasses.dataclass
class Part:
    type: str
    text: Optional[str] = None
    role: Role = Role.USER


@dataclasses.dataclass
class Whole:
    parts: List[Part]


class FakeModel:
    """An object with the methods of a pydantic 2 model."""

    def model_dump(self, **options: Any) -> Any:
        assert options == {"mode": "json", "by_alias": True, "exclude_none": True}
        return {"type": "text", "nested": {"role": Role.USER}}


class FakeOldModel:
    """An object with the methods of a pydantic 1 model."""

    __fields__ = {"type": None}

    def json(self, **options: Any) -> str:
        assert options == {"by_alias": True, "exclude_none": True}
        return '{"type": "text"}'


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (Text("a"), "a"),
        (Role.USER, "user"),
        (Level.HIGH, 3),
        (Odd.OBJECT, {"role": "user"}),
        ({Role.USER: [Role.USER]}, {"user": ["user"]}),
        (("a", ("b",)), ["a", ["b"]]),
        (collections.deque(["a"]), ["a"]),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        ({50256: -100}, {50256: -100}),
        (Part("text"), {"type": "text", "role": "user"}),
        (Whole([Part("a", "b")]), {"parts": [{"type": "a", "text": "b", "role": "user"}]}),
        (FakeModel(), {"type": "text", "nested": {"role": "user"}}),
        (FakeOldModel(), {"type": "text"}),
        (ChatCompletionMessage(content="a"), {"role": "assistant", "content": "a"}),
        ([Attachment(title="t")], [{"title": "t"}]),
    ],
    ids=str,
)
def test_what_stands_for_json(value: Any, wanted: Any) -> None:
    for found, expected in ((plain(value), wanted), (plain({"a": [value]}), {"a": [wanted]})):
        assert found == expected and type(found) is type(expected)
        json.dumps(found)


class Unknown:
    class Inner:
        pass


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (datetime.datetime(2024, 1, 1), "it is a datetime.datetime"),
        (b"bytes", "it is a bytes"),
        ({1, 2}, "it is a set"),
        (Unknown.Inner(), "it is a %s.Unknown.Inner" % __name__),
        (Part, "it is the class %s.Part" % __name__),
        (float("nan"), "JSON has no number nan"),
        (float("-inf"), "JSON has no number -inf"),
        (iter([]), "it is a list_iterator"),
        ({("a", "b"): 1}, "a key is a tuple, not a str"),
    ],
    ids=str,
)
def test_what_does_not_is_refused_with_its_place_and_type(value: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        plain([{}, {}, {}, {"content": [value]}], "messages")
    assert str(caught.value).startswith("messages[3].content[0] can't be sent") and words in str(caught.value)
    with pytest.raises(InvalidRequestError, match="the value can't be sent"):
        plain(value)


def test_a_pydantic_class_is_no_schema() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Answer(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        text: str
        more: Optional[str] = None

    assert plain([Answer(text="a")]) == [{"text": "a"}]
    with pytest.raises(InvalidRequestError, match="response_format can't be sent: it is the class .*Answer .its JSON"):
        plain(Answer, "response_format")


def test_what_contains_itself() -> None:
    endless: List[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidRequestError, match="can't be written as JSON"):
        plain(endless)
