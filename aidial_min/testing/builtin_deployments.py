"""The deployments that a server has by default, and what they say: echo, calculator, showcase, embedding.

A behaviour takes a request and yields parts (sdk.py); `BEHAVIOURS` finds one by its name. The same text always gives
the same vector.
"""

import ast
import base64
import hashlib
import math
import operator
import re
import struct
import threading
from collections.abc import Iterator
from typing import Any, Callable, Union

from .deployments import Deployment
from .json_shapes import Json, a, an_object, each, integer, mapping, one_of, text, text_or_each
from .script import behaviour
from .sdk import HEARTBEAT, AppError, Behaviour, ChatRequest, Finish, Part, attachment, count_tokens, stage, tool_call


def echo(request: ChatRequest) -> Iterator[Part]:
    """The user's last message, word by word."""
    yield from re.findall(r"\S+\s*|\s+", request.last_user_text) or [""]


def calculator(request: ChatRequest) -> Iterator[Part]:
    yield calculate(request.last_text)


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_HELP = "I can only do arithmetic, such as 2+3="
# CPython 3.11 takes threads that parse at once for one, and raises SystemError: how deep it went is not what it was.
_parsing = threading.Lock()


def calculate(question: str) -> str:
    """The value of an arithmetic expression as text; a plain sentence when it has none."""
    expression = question.strip().rstrip("=? ")
    if len(expression) > 200:
        return _HELP
    try:
        with _parsing:
            tree = ast.parse(expression, mode="eval")
        value = _value(tree.body)
    except ZeroDivisionError:
        return "Nobody can divide by zero"
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError, TypeError):
        return _HELP
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return str(value)


def _value(node: ast.AST) -> Any:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > 64 or abs(left) > 1e6):
            raise ValueError("too large to compute")
        value = _OPERATORS[type(node.op)](left, right)
        if isinstance(value, complex) or abs(value) > 1e300:
            raise ValueError("too large to show")
        return value
    raise ValueError("not arithmetic")


def showcase(request: ChatRequest) -> Iterator[Part]:
    """Everything that DIAL can carry. `custom_fields.configuration`: heartbeats, delay, error."""
    wishes = request.configuration
    *parts, last = _showcase(request)
    failure = None
    if "error" in wishes:
        words = "The showcase was asked to fail"
        parts, failure = parts[:4], AppError(str(wishes["error"]), 500, code="showcase", display_message=words)
    heartbeats: list[Part] = [HEARTBEAT] * int(wishes.get("heartbeats", 0))
    yield from behaviour(heartbeats + parts, float(wishes.get("delay", 0)), failure, last)(request)


def _showcase(request: ChatRequest) -> Iterator[Part]:
    asked = request.last_user_text
    turn = 1 + sum(1 for message in request.messages if message.get("role") == "assistant")
    yield "Let me "
    yield stage(0, name="Searching")
    yield stage(0, name=" the library")
    yield stage(0, content="Looking for: ")
    yield stage(0, content=asked or "nothing")
    yield stage(0, attachments=[{"index": 0, "type": "text/markdown", "title": "Found", "data": "**Two** books"}])
    yield stage(0, status="completed")
    yield stage(1, name="Reading the second book")
    yield stage(1, content="It is lent out.")
    yield stage(1, status="failed")
    yield "show you.\n"
    yield attachment(0, type="text/markdown", title="Summary", data="You said: " + asked)
    yield attachment(
        1, type="image/png", title="Picture", url="https://example.org/picture.png",
        reference_type="text/html", reference_url="https://example.org/",
    )  # fmt: skip
    yield {"custom_content": {"state": {"turn": turn, "asked": [asked]}}}
    usage = {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}
    statistics: Json = {"usage_per_model": [{"index": 0, "model": "showcase-inner", **usage}]}
    if request.messages and request.messages[-1].get("role") == "tool":
        yield "The tool said: " + request.last_text
        yield Finish("stop", usage, statistics)
    else:
        yield from tool_call(0, "call_1", "get_weather", '{"city"', ': "Paris"}')
        yield Finish("tool_calls", usage, statistics)


BEHAVIOURS: dict[str, Behaviour] = {"echo": echo, "calculator": calculator, "showcase": showcase}


# Embeddings

DIMENSIONS = 8


class EmbeddingsRequest:
    """What is to be embedded; `texts` has one text per vector."""

    def __init__(self, model: str, body: Json) -> None:
        self.model = model
        self.body = body
        given = body["input"]
        inputs: list[Any] = [given] if isinstance(given, str) else list(given)
        if inputs and all(isinstance(item, int) for item in inputs):
            inputs = [inputs]  # one text, given as tokens
        self.texts = [_text(item) for item in inputs + list(body.get("custom_input") or ())]


def embed(request: EmbeddingsRequest) -> Json:
    """One vector per input."""
    dimensions = int(request.body.get("dimensions") or DIMENSIONS)
    data = []
    for index, embedded in enumerate(request.texts):
        values: Union[str, list[float]] = vector(embedded, dimensions)
        if request.body.get("encoding_format") == "base64":
            values = base64.b64encode(struct.pack(f"<{dimensions}f", *values)).decode()
        data.append({"object": "embedding", "index": index, "embedding": values})
    tokens = sum(count_tokens(text) for text in request.texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": request.model, "data": data, "usage": usage}


def vector(text: str, dimensions: int) -> list[float]:
    """A vector of length one that depends on nothing but `text`, in numbers that a 32-bit float holds exactly."""
    raw = b""
    while len(raw) < dimensions * 4:
        raw += hashlib.sha256(text.encode() + len(raw).to_bytes(4, "big")).digest()
    values = [number / 2**31 for number in struct.unpack(f">{dimensions}i", raw[: dimensions * 4])]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return list(struct.unpack(f"<{dimensions}f", struct.pack(f"<{dimensions}f", *(value / length for value in values))))


def _text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        return str(item.get("data") or item.get("url") or "")
    return " ".join(map(_text, item)) if isinstance(item, list) else str(item)


embeddings_body = an_object(
    {
        "model": text, "input": text_or_each(a(str, int, list, words="str type expected")),
        "encoding_format": one_of("float", "base64", words="unexpected value; permitted: 'float', 'base64'"),
        "dimensions": integer, "user": text, "custom_fields": mapping,
        "custom_input": each(a(str, list, dict, words="str type expected")),
    },
    required="input",
    closed=True,
)  # fmt: skip


# What is there


def default_deployments() -> list[Deployment]:
    """What a server has unless it is given deployments of its own."""
    served = {"rate": True, "tokenize": True, "truncate_prompt": True}
    token_limits = {"max_prompt_tokens": 4096, "max_completion_tokens": 1024}
    pricing = {"unit": "token", "prompt": "0.00001", "completion": "0.00003"}
    return [
        Deployment(
            "gpt-35-turbo", "model", "calculator", display_name="GPT-3.5 Turbo", model_name="gpt-35-turbo-16k",
            description="A calculator in disguise: answers arithmetic.", features={**served, "tools": True},
            tokenizer_model="gpt-3.5-turbo-0301", token_limits=token_limits, pricing=pricing,
        ),
        Deployment(
            "stable-diffusion-xl", "model", "echo", display_name="Stable Diffusion XL",
            description="Answers with the last message.", model_name="stable-diffusion-xl",
        ),
        Deployment(
            "gemini-pro-vision", "model", "echo", display_name="Gemini Pro Vision",
            description="Answers with the last message.", model_name="gemini-pro-vision",
            features={"url_attachments": True, "folder_attachments": True},
            input_attachment_types=["image/*"], max_input_attachments=16,
        ),
        Deployment(
            "embedding", "model", "embedding", display_name="Embedding", embeddings=True, model_name="embedding",
            description="The same text always gives the same vector.",
        ),
        Deployment(
            "echo", "application", "echo", display_name="Echo", display_version="1.0",
            description="Answers with the last message of the user.", features=served,
        ),
        Deployment(
            "calculator", "application", "calculator", display_name="Calculator", display_version="1.0",
            description="Answers arithmetic, such as 2+3=.", features=served,
        ),
        Deployment(
            "showcase", "application", "showcase", display_name="Showcase", display_version="1.0",
            description="Answers with everything that DIAL can carry.", features={**served, "tools": True},
            configuration={
                "type": "object",
                "properties": {
                    "heartbeats": {"type": "integer", "description": "Heartbeats before the first piece"},
                    "delay": {"type": "number", "description": "Seconds before each piece"},
                    "error": {"type": "string", "description": "Fail with this message after the first pieces"},
                },
            },
        ),
        Deployment(
            "app_id", "application", "echo", display_name="app with attachments", display_version="0.0.0",
            description="", icon_url="app.svg", input_attachment_types=["image/png", "text/txt", "image/jpeg"],
            max_input_attachments=0,
        ),
    ]  # fmt: skip
