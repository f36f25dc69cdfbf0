"""What the deployments say: echo, calculator and showcase.

Each behaviour takes a request and yields parts (application.py). Must not know HTTP or how parts become chunks.
"""

import ast
import operator
import re
from collections.abc import Iterator
from typing import Any, Callable

from .application import HEARTBEAT, AppError, Behaviour, ChatRequest, Finish, Json, Part


def echo(request: ChatRequest) -> Iterator[Part]:
    """The user's last message, word by word."""
    yield from re.findall(r"\s*\S+\s*", request.last_user_text) or [request.last_user_text]


def calculator(request: ChatRequest) -> Iterator[Part]:
    yield calculate(request.last_text)


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_HELP = "I can only do arithmetic, such as 2+3="


def calculate(question: str) -> str:
    """The value of an arithmetic expression as text; a plain sentence when it has none."""
    expression = question.strip().rstrip("=? ")
    if len(expression) > 200:
        return _HELP
    try:
        value = _value(ast.parse(expression, mode="eval").body)
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


def stage(index: int, **fields: Any) -> Json:
    """A delta for one stage: `name` and `content` are appended, `status` closes it."""
    return {"custom_content": {"stages": [{"index": index, **fields, "status": fields.get("status")}]}}


def attachment(index: int, **fields: Any) -> Json:
    return {"custom_content": {"attachments": [{"index": index, **fields}]}}


def tool_call(index: int, id: str, name: str, *arguments: str) -> list[Json]:
    """The deltas of one tool call: the first names it, each further piece of the arguments has one of its own."""
    function = {"name": name, "arguments": arguments[0] if arguments else ""}
    calls: list[Json] = [{"index": index, "id": id, "type": "function", "function": function}]
    calls += [{"index": index, "function": {"arguments": piece}} for piece in arguments[1:]]
    return [{"content": None, "tool_calls": [call]} for call in calls]


def showcase(request: ChatRequest) -> Iterator[Part]:
    """Everything that DIAL can carry. `custom_fields.configuration`: heartbeats, delay, error."""
    wishes = request.configuration
    delay = float(wishes.get("delay", 0))
    if delay:
        yield delay
    for _ in range(int(wishes.get("heartbeats", 0))):
        yield HEARTBEAT
    for number, part in enumerate(_showcase(request)):
        if number == 4 and "error" in wishes:
            raise AppError(str(wishes["error"]), 500, code="showcase", display_message="The showcase was asked to fail")
        if delay and number:
            yield delay
        yield part


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
    if len(request.messages) > 8:
        statistics["discarded_messages"] = [0]
    if request.messages and request.messages[-1].get("role") == "tool":
        yield "The tool said: " + request.last_text
        yield Finish("stop", usage, statistics)
    else:
        yield from tool_call(0, "call_1", "get_weather", '{"city"', ': "Paris"}')
        yield Finish("tool_calls", usage, statistics)


BEHAVIOURS: dict[str, Behaviour] = {
    "echo": echo,
    "calculator": calculator,
    "showcase": showcase,
}
