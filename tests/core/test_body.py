"""core/body.py: what a request carries: JSON and bytes."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aidial_min.core.body import BytesBody, json_body
from aidial_min.errors import InvalidRequestError
from aidial_min.types.chat.response import ChatCompletionMessage


class TestJson:
    @pytest.mark.parametrize(
        ("value", "data"),
        [
            ({"a": [1, 2.5, True, None, "x"]}, b'{"a":[1,2.5,true,null,"x"]}'),
            ({"a": "\u0444\U0001f600"}, '{"a":"\u0444\U0001f600"}'.encode()),
            ({"a": "\r\n\x00"}, b'{"a":"\\r\\n\\u0000"}'),
            ({"a": "\ud83d"}, b'{"a":"\\ud83d"}'),
            ({"a": 9223372036854775807}, b'{"a":9223372036854775807}'),
            ([], b"[]"),
        ],
    )
    def test_compact_and_in_utf8(self, value: Any, data: bytes) -> None:
        body = json_body(value)
        assert (body.whole, body.length, body.content_type, body.replayable) == (
            data,
            len(data),
            "application/json",
            True,
        )
        assert list(body.pieces()) == [data]

    def test_models_and_paths_are_sent_as_what_they_stand_for(self) -> None:
        message = ChatCompletionMessage.from_json(
            {"role": "assistant", "content": "a", "custom_content": {"state": {"x": 1}}}
        )
        body = json_body({"messages": [message], "url": Path("files/b/x")})
        assert json.loads(body.whole or b"") == {
            "messages": [{"role": "assistant", "content": "a", "custom_content": {"state": {"x": 1}}}],
            "url": "files/b/x",
        }

    @pytest.mark.parametrize(
        "value",
        [
            {"a": object()},
            {"a": b"x"},
            {"a": {1, 2}},
            {"a": float("nan")},
            {"a": float("inf")},
            {(1, 2): 3},
            {float("nan"): 1},
        ],
    )
    def test_what_is_no_json_is_refused(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="JSON") as caught:
            json_body(value)
        assert caught.value.request_sent == "no"

    @pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python writes any number")
    @pytest.mark.parametrize("value", [{"a": 10**5000}, {10**5000: 1}])
    def test_so_is_a_number_of_too_many_digits(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="JSON"):
            json_body(value)

    def test_so_is_what_never_ends(self) -> None:
        endless: Any = []
        endless.append(endless)
        with pytest.raises(InvalidRequestError, match="JSON"):
            json_body(endless)

    def test_where_python_has_no_encoder_in_c_the_same_travels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        value = {"text": "ü\n\ud800", "number": 1.5, "list": [1, None, True], "not": {}}
        written = json_body(value).whole, json_body({"text": "ü"}).whole
        monkeypatch.setattr(json.encoder, "c_make_encoder", None)
        found = importlib.util.find_spec("aidial_min.core.body")
        assert found is not None and found.loader is not None
        body = importlib.util.module_from_spec(found)
        found.loader.exec_module(body)
        assert (body.json_body(value).whole, body.json_body({"text": "ü"}).whole) == written
        with pytest.raises(InvalidRequestError):
            body.json_body({"number": float("nan")})


def test_bytes_travel_as_they_are() -> None:
    body = BytesBody(b"x\x00y", "text/plain")
    assert (body.whole, body.length, body.content_type, body.replayable, body.blocking) == (
        b"x\x00y",
        3,
        "text/plain",
        True,
        False,
    )
    body.report(3)


# ---------------------------------------------------------------- the forms of `file`
