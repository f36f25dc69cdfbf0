"""The server as the recorded DIAL Core was configured, and the exchanges that were recorded from it.

`data/wire.jsonl` holds 281 exchanges with a DIAL Core 0.18.0-rc, in the order in which they happened: request and
response, with bucket ids replaced by BUCKET1, BUCKET2 (two project keys) and USERBUCKET (a bearer token). Behind Core
ran one application, under many ids.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

from aidial_min.testing import HEARTBEAT, AppError, ChatRequest, Deployment, DialServer, Finish
from aidial_min.testing.sdk import attachment, crashed, stage, tool_call

EXCHANGES = Path(__file__).parent.parent / "data" / "wire.jsonl"
KEYS = {"key-one": "one", "key-two": "two"}
SERVED = {"rate": True, "tokenize": True, "truncate_prompt": True}


def deployments() -> list[Deployment]:
    plain = [Deployment(f"e{number}", behaviour=application, completions=False) for number in range(1, 13)]
    return [
        Deployment(
            "gpt", "model", application, display_name="GPT", display_version="4", features=SERVED, completions=False,
            strict=True, tokenizer_model="gpt-4", pricing={"unit": "token", "prompt": "0.56", "completion": "0.67"},
            token_limits={"max_total_tokens": 1000, "max_prompt_tokens": 200, "max_completion_tokens": 800},
            limits={"minute": 100000, "day": 10000000},
        ),
        Deployment("emb", "model", _embed, embeddings=True),
        Deployment(
            "limited", "model", application, strict=True, completions=False, limits={"minute": 10, "day": 1000000},
        ),
        Deployment(
            "echo", "application", application, display_name="Echo", display_version="1.2.3", description="Echoes",
            icon_url="http://127.0.0.1:7001/echo.svg", features={**SERVED, "tools": True},
            input_attachment_types=["image/png", "text/txt"], max_input_attachments=3, defaults={"temperature": 0},
            description_keywords=["echo", "test"], tokenize=_tokenize, truncate=_truncate,
            completions=False,
            configuration={"type": "object", "properties": {"temperature": {"type": "number"}}},
        ),
        Deployment("dead", behaviour="dead"),
        *plain,
        Deployment("secret-app", behaviour=application, completions=False, user_roles=["secret"]),
    ]  # fmt: skip


def _embed(request: Any) -> Any:
    """The recorded application did not look at encoding_format, and always counted three tokens."""
    data = [
        {"object": "embedding", "index": index, "embedding": [0.5, -1.25, float(len(text))]}
        for index, text in enumerate(request.texts)
    ]
    return {"object": "list", "model": "emb", "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}}


def _tokenize(given: Any) -> Any:
    if given["value"] == "bad":
        raise AppError("bad input")
    return {"token_count": len(given["value"].split()) if given["type"] == "string" else 38}


def _truncate(given: Any) -> Any:
    return {"discarded_messages": [0]}


def server() -> DialServer:
    return DialServer(keys=KEYS, deployments=deployments(), application_controller=False)


def exchanges() -> list[dict[str, Any]]:
    with EXCHANGES.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def application(request: ChatRequest) -> Iterator[Any]:
    """The application behind the recorded Core; what it does hangs on the last message."""
    said = request.last_text
    if said == "error":
        raise AppError("try later", 429, headers=(("Retry-After", "30"),))
    if said == "crash":
        raise crashed()
    script = _SCRIPTS.get(said)
    if said == "echo-request":
        yield json.dumps({"headers": dict(request.headers), "query": request.query, "body": request.body})
    elif script is None:
        yield from (word + " " for word in said.split())
    else:
        yield from script()
        return
    yield Finish("stop", _USAGE)


def _rich() -> Iterator[Any]:
    yield "Hello, "
    yield stage(0, name="Searching")
    yield stage(0, content="look")
    yield stage(0, content="ing")
    yield stage(0, attachments=[{"index": 0, "type": "text/markdown", "title": "found", "data": "**x**"}])
    yield stage(0, name=" the web")
    yield stage(0, status="completed")
    yield stage(1, name="Failing")
    yield stage(1, content="oops")
    yield stage(1, status="failed")
    pic = {"url": "files/b/pic.png", "reference_url": "https://example.org", "reference_type": "text/html"}
    yield attachment(0, type="image/png", title="pic", **pic)
    yield attachment(1, title="two", data="data two")
    yield "w\u00f6rld \u2603 \U0001f600"
    yield "\u2028\u0085end"
    yield {"custom_content": {"state": {"counter": 0, "nested": {"a": [1, 2]}}}}
    inner = {"index": 0, "model": "inner", "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    yield Finish("stop", _USAGE, {"usage_per_model": [inner], "discarded_messages": [0]})


def _tools() -> Iterator[Any]:
    yield from tool_call(0, "call_1", "get_weather", '{"city": ', '"Paris"}')
    yield from tool_call(1, "call_2", "get_time", "", '{"tz"', ': "CET"}')
    yield Finish("tool_calls", _USAGE)


def _function() -> Iterator[Any]:
    yield {"content": None, "function_call": {"name": "old_style", "arguments": '{"a"'}}
    yield {"content": None, "function_call": {"arguments": ": 1}"}}
    yield Finish("function_call", _USAGE)


def _length() -> Iterator[Any]:
    yield "cut"
    yield Finish("length", _USAGE)


def _slow() -> Iterator[Any]:
    for number in range(5):
        yield f"{number} "
        yield 0.002
        yield HEARTBEAT
    yield Finish("stop", _USAGE)


def _late_error() -> Iterator[Any]:
    yield "partial "
    raise AppError("late failure", 500, code="late", display_message="Sorry")


def _late_crash() -> Iterator[Any]:
    yield "partial "
    raise crashed()


_SCRIPTS: dict[str, Callable[[], Iterator[Any]]] = {
    "rich": _rich, "tools": _tools, "function": _function, "length": _length, "slow": _slow,
    "late-error": _late_error, "late-crash": _late_crash,
}  # fmt: skip
