"""Shapes of JSON bodies, and what is the first thing wrong with one: for Core's own bodies and for those of the SDK.

A check is a function of a value and its path; it raises `Mismatch`. `an_object({"name": text}, required="name")` makes
one out of others. Who asks puts the mismatch into words: Core says "Missing required property 'name'", whatever is
wrong with it; DIAL's SDK says what (sdk.py).
"""

import json
from collections.abc import Mapping
from typing import Any, Callable, Union

from .http import HttpError, Refusal, refuse_if

Json = dict[str, Any]
Check = Callable[[Any, str], None]


class Mismatch(Exception):
    """The value at `path` is not what it should be."""

    def __init__(self, path: str, words: str) -> None:
        super().__init__(path, words)
        self.path = path
        self.words = words


def a(*types: type, words: str) -> Check:
    """A value of one of these types; a boolean is no number here."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise Mismatch(path, words)

    return check


def one_of(*values: str, words: str) -> Check:
    def check(value: Any, path: str) -> None:
        if value not in values:
            raise Mismatch(path, words)

    return check


def positive(value: Any, path: str) -> None:
    integer(value, path)
    if value <= 0:
        raise Mismatch(path, "ensure this value is greater than 0")


def anything(value: Any, path: str) -> None:
    """What nobody looks at."""


def scalar(value: Any, path: str) -> None:
    """Text, to a reader that turns numbers and booleans into text."""
    if isinstance(value, (dict, list)):
        raise Mismatch(path, "str type expected")


def each(check: Check, place: str = "") -> Check:
    """A list of such values. The SDK counts its places; Core calls each "null" (`place`), and takes null for a list."""

    def check_all(value: Any, path: str) -> None:
        if value is not None or not place:
            a_list(value, path)
        for index, item in enumerate(value or ()):
            check(item, f"{path}.{place or index}")

    return check_all


def text_or_each(check: Check) -> Check:
    """Text, or a list of such values."""

    def check_all(value: Any, path: str) -> None:
        text_or_list(value, path)
        if isinstance(value, list):
            each(check)(value, path)

    return check_all


def an_object(fields: Mapping[str, Check], required: str = "", null: bool = False, closed: bool = False) -> Check:
    """An object with these fields, judged in their order. Others may be there, unless it is `closed`."""
    names = required.split()

    def check(value: Any, path: str) -> None:
        if null and value is None:
            return
        mapping(value, path)
        body: Json = value
        prefix = path + "." if path else ""
        for name, judge in fields.items():
            if name in names and name not in body:
                raise Mismatch(prefix + name, "field required")
            if name in names or body.get(name) is not None:
                judge(body[name], prefix + name)
        for name in body if closed else ():
            if name not in fields:
                raise Mismatch(prefix + name, "extra fields not permitted")

    return check


def only(*names: str) -> Check:
    """An object with no other fields than these."""
    return an_object(dict.fromkeys(names, anything), closed=True)


text = a(str, words="str type expected")
text_or_list = a(str, list, words="str type expected")
integer = a(int, words="value is not a valid integer")
number = a(int, float, words="value is not a valid float")
boolean = a(bool, words="value could not be parsed to a boolean")
mapping = a(dict, words="value is not a valid dict")
a_list = a(list, words="value is not a valid list")
strings = each(scalar, "null")


def without_nulls(value: Json) -> Json:
    return {name: item for name, item in value.items() if item is not None}


# As Core reads bodies


def loads(raw: Union[bytes, bytearray]) -> Any:
    """JSON as Core reads it: no NaN, no Infinity, no endless nesting. ValueError for what is none."""
    try:
        return json.loads(raw, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"Non-standard token '{constant}'")


def parsed(raw: Union[bytes, bytearray], no_json: Refusal, no_object: Refusal) -> Json:
    """A JSON object; the refusals, as HttpError, of what is no JSON ("{}": the parser's words) and of other JSON."""
    try:
        body = loads(raw)
    except ValueError as error:
        raise HttpError(no_json[0], no_json[1].format(error)) from None
    if not isinstance(body, dict):
        raise HttpError(*no_object)
    return body


def json_body(raw: bytes, check: Check = mapping) -> Json:
    """The body of a stored resource; HttpError 400 when it is no such JSON object."""
    refusal = (400, "Provided payload do not match required schema")
    body = parsed(raw, refusal, refusal)
    judge(body, check)
    return body


def judge(value: Any, check: Check, path: str = "", words: str = "Missing required property '{}'") -> None:
    """HttpError 400, in Core's words, when the check finds something wrong."""
    try:
        check(value, path)
    except Mismatch as mismatch:
        raise HttpError(400, words.format(mismatch.path)) from None


WRONG_TYPE = "Failed to parse json: Cannot deserialize value from this token"
#: What is no plain value among the fields of operations.
_OPERATION: dict[str, Check] = {
    "resources": anything,  # whoever expects links has words of its own
    "rules": each(an_object({"targets": strings})),
    **dict.fromkeys(("resourceTypes", "ids"), strings),
    "resourcePermissions": each(an_object({"permissions": strings})),
    "inputFiles": each(an_object({"sourceUrl": scalar, "targetPath": scalar}, "sourceUrl targetPath")),
    "outputFiles": each(an_object({"sourcePath": scalar, "targetUrl": scalar}, "sourcePath targetUrl")),
    "auth_settings": an_object({"client_secret": text}),
    "consent": anything,
}


def operation(raw: Union[bytes, bytearray], words: str = "", fields: str = "") -> Json:
    """The body of an operation: a JSON object with no other fields than `fields`, each of its type.

    HttpError 400 with `words`, or with the parser's own words when there are none.
    """
    wrong = words or WRONG_TYPE
    body = parsed(raw, (400, words or "Failed to parse json: {}"), (400, wrong))
    names = fields.split()
    for name in body:
        refuse_if(names and name not in names, 400, words or f'Failed to parse json: Unrecognized field "{name}"')
    judge(body, an_object({name: _OPERATION.get(name, scalar) for name in names or _OPERATION}), words=wrong)
    return body
