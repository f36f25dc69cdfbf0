"""Request bodies as Core's JSON library reads them: which field is missing or unknown, and the words for it.

Knows the two families of texts (stored resources and operations). Must not know what the fields mean.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional, Union

from .errors import Refusal

Check = Callable[[Any, str], None]


def loads(raw: Union[bytes, bytearray]) -> Any:
    """JSON as Core reads it: no NaN, no Infinity, no endless nesting. ValueError for what is none."""
    try:
        return json.loads(raw, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"Non-standard token '{constant}'")


def stored(raw: bytes) -> Any:
    """The body of a stored resource; Refusal 400 when it is no JSON object."""
    try:
        body = loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "Provided payload do not match required schema")
    return body


def operation(raw: bytes, words: Optional[str] = None, fields: Sequence[str] = ()) -> dict[str, Any]:
    """The body of an operation: a JSON object with no other fields than `fields`.

    Refusal 400 with `words`, or with the parser's own words when there are none.
    """
    try:
        body = loads(raw)
    except ValueError as error:
        raise Refusal(400, words or f"Failed to parse json: {error}") from None
    if not isinstance(body, dict):
        raise Refusal(400, words or "Failed to parse json: Cannot deserialize value from this token")
    for name in body:
        if fields and name not in fields:
            raise Refusal(400, words or f'Failed to parse json: Unrecognized field "{name}"')
    return body


def missing(path: str) -> Refusal:
    return Refusal(400, f"Missing required property '{path}'")


def check(
    body: Mapping[str, Any], required: Mapping[str, Check], optional: Mapping[str, Check], path: str = ""
) -> None:
    """Refusal 400 on the first required field that is not there, or any known field of a wrong type."""
    for name, judge in required.items():
        if name not in body:
            raise missing(path + name)
        judge(body[name], path + name)
    for name, judge in optional.items():
        if body.get(name) is not None:
            judge(body[name], path + name)


def scalar(value: Any, path: str) -> None:
    """Text, to a reader that turns numbers and booleans into text."""
    if isinstance(value, (dict, list)):
        raise missing(path)


def number(value: Any, path: str) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise missing(path)


def boolean(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise missing(path)


def mapping(value: Any, path: str) -> None:
    if value is not None and not isinstance(value, dict):
        raise missing(path)


def sequence(value: Any, path: str) -> None:
    if value is not None and not isinstance(value, list):
        raise missing(path)


def strings(value: Any, path: str) -> None:
    sequence(value, path)
    for item in value or ():
        scalar(item, path + ".null")
