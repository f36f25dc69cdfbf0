"""What callers pass, as JSON types: `plain(value)` before a request is written.

Dicts, lists and our own models, pydantic models (openai's among them), dataclasses, Enums and paths, at any depth.
Whatever JSON has no form for is refused with its place, before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from ..errors import InvalidRequestError
from ._model import Model, Place, spelt

_AS_THEY_ARE = frozenset((str, int, bool, type(None)))


def plain(value: Any, place: Place = "") -> Any:
    """An argument as JSON types, copied.

    Args:
        place: what the argument is called, or where it stands in one, for errors.
    Raises:
        InvalidRequestError: a value in it has no form in JSON, it contains itself, or is nested too deeply.
    """
    try:
        return _plain(value, place)
    except RecursionError as error:
        raise InvalidRequestError("the request can't be written as JSON: %s" % error) from None


def _plain(value: Any, place: Place) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if type(value) is dict:
        return {
            key if type(key) is str else _key(key, place): item if type(item) is str else _plain(item, (place, key))
            for key, item in value.items()
        }
    if isinstance(value, Enum):
        return _plain(value.value, place)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return _finite(value, place)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Model):
        return _plain(value.to_dict(), place)
    if isinstance(value, Mapping):
        return _plain(dict(value.items()), place)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_plain(item, (place, index)) for index, item in enumerate(value)]
    if hasattr(value, "__fspath__"):
        return str(value)
    fields = None if isinstance(value, type) else _fields(value)
    if fields is None:
        raise _refused(value, place)
    return _plain(fields, place)


def _fields(value: Any) -> Any:
    """What a pydantic model or a dataclass holds, None for anything else.

    A field that did not come is None there, and many upstreams refuse null: it is left out.
    """
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if hasattr(value, "__fields__") and hasattr(value, "json"):  # pydantic 1
        return json.loads(value.json(by_alias=True, exclude_none=True))
    if hasattr(value, "__dataclass_fields__"):
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return {name: item for name, item in fields.items() if item is not None}
    return None


def _finite(value: float, place: Place) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise InvalidRequestError("%s can't be sent: JSON has no number %s" % (_name(place), value))
    return float(value)


def _key(key: Any, place: Place) -> Any:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, (str, int, float, type(None))):
        return key  # json.dumps writes numbers (of logit_bias) as text
    message = "%s can't be sent as JSON: a key is a %s, not a str" % (_name(place), _type_name(type(key)))
    raise InvalidRequestError(message)


def _refused(value: Any, place: Place) -> InvalidRequestError:
    if isinstance(value, type):
        hint = " (its JSON schema is meant?)" if hasattr(value, "model_json_schema") else ""
        return InvalidRequestError("%s can't be sent: it is the class %s%s" % (_name(place), _type_name(value), hint))
    return InvalidRequestError("%s can't be sent as JSON: it is a %s" % (_name(place), _type_name(type(value))))


def _type_name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else "%s.%s" % (cls.__module__, cls.__qualname__)


def _name(place: Place) -> str:
    return spelt(place) or "the value"
