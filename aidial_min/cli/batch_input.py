"""The input of `batch`: which file it is, its lines one by one, and what a line asks.

The file is read twice, once to know it again and once to ask, and never held in memory.
"""

import hashlib
import json
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..errors import InvalidRequestError
from .exit_codes import UsageError


class Identity(NamedTuple):
    """What an input is known by."""

    size: int
    """Bytes."""
    lines: int
    """Empty ones included."""
    prompts: int
    """Lines that are not empty."""
    sha256: str

    def __str__(self) -> str:
        return "%d lines, %d bytes, SHA-256 %s..." % (self.lines, self.size, self.sha256[:12])


def identify(path: str) -> Identity:
    """Read the file once.

    Raises:
        UsageError: a pipe or a device, which can't be read again when the batch goes on.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError("%s is no ordinary file: a batch that is to go on after a stop needs one" % path)
    digest, size, lines, prompts = hashlib.sha256(), 0, 0, 0
    with open(path, "rb") as file:
        for line in file:
            digest.update(line)
            size += len(line)
            lines += 1
            prompts += not line.isspace()
    return Identity(size, lines, prompts, digest.hexdigest())


def lines_of(path: str) -> Iterator[Tuple[int, bytes]]:
    """The lines that are not empty, with their numbers, from 1."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.isspace():
                yield number, line


def read_question(
    line: bytes, given: Dict[str, Any], deployment: Optional[str], system: Optional[str]
) -> Dict[str, Any]:
    """What a line asks, as arguments of `create`.

    Args:
        given: gets the line's "id", if it has one, also where the line is refused.
        deployment: asked where the line names none.
        system: instructions that go before a prompt (not before `messages`, which are complete).
    Raises:
        InvalidRequestError: not JSON, or not what a line may be.
    """
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("the line is not JSON: %s" % error) from None
    if isinstance(value, str):
        value = {"prompt": value}
    if not isinstance(value, dict):
        raise InvalidRequestError('a line is "text", {"prompt": ...} or {"messages": [...]}')
    if "id" in value:
        given["id"] = value.pop("id")
    arguments = {"deployment_name": value.pop("deployment", None) or deployment, **value}
    arguments["messages"] = _messages(arguments, system)
    _check(arguments)
    return arguments


def _messages(arguments: Dict[str, Any], system: Optional[str]) -> List[Any]:
    if ("prompt" in arguments) == ("messages" in arguments):
        raise InvalidRequestError('a line needs "prompt" or "messages", the one or the other')
    if "messages" in arguments:
        messages: List[Any] = arguments["messages"]
        return messages
    before = [{"role": "system", "content": system}] if system else []
    return [*before, {"role": "user", "content": arguments.pop("prompt")}]


def _check(arguments: Dict[str, Any]) -> None:
    name = arguments["deployment_name"]
    if name is None:
        raise InvalidRequestError('the line names no "deployment", and -d was not given')
    if not isinstance(name, str):
        raise InvalidRequestError('"deployment" must be text')
    if arguments.pop("stream", False):
        raise InvalidRequestError('"stream" has no meaning in a batch: every answer is a whole line')
    for reserved in ("timeout", "max_retries", "extra_headers"):
        if reserved in arguments:
            raise InvalidRequestError('"%s" can\'t be set by a line; see the options of batch' % reserved)
