"""How commands end: the exit codes, which error has which one, and an error as one line with what to do about it."""

from contextlib import contextmanager
from typing import Any, Iterator, Tuple, Type

from .. import errors
from ..errors import DialException
from .terminal import visible

OK, FAILED, USAGE, AUTH, NOT_FOUND, RATE_LIMIT, TIMEOUT, INTERRUPTED, NO_CONNECTION = range(9)
CTRL_C, TERMINATED = 130, 143

MEANINGS = {
    OK: "done",
    FAILED: "anything else: the server failed or refused, a local file is at fault",
    USAGE: "usage: wrong words, no server or credential named",
    AUTH: "the credential is missing, wrong, expired, or may not do this (401, 403)",
    NOT_FOUND: "no such deployment or file (404)",
    RATE_LIMIT: "rate limit: too many requests or tokens (429)",
    TIMEOUT: "a time limit was reached",
    INTERRUPTED: "the answer began and broke off; what came of it was written",
    NO_CONNECTION: "no connection: name, network, proxy or TLS; nothing was sent",
    CTRL_C: "interrupted by Ctrl-C; what came of the answer was written",
    TERMINATED: "ended by SIGTERM, in good order (batch, serve)",
}
"""Every exit code, as `--help` lists them."""

_CODES: Tuple[Tuple[Type[DialException], int], ...] = (
    (errors.AuthenticationError, AUTH),
    (errors.PermissionDeniedError, AUTH),
    (errors.ResourceNotFoundError, NOT_FOUND),
    (errors.RateLimitError, RATE_LIMIT),
    (errors.DialTimeoutError, TIMEOUT),
    (errors.StreamInterruptedError, INTERRUPTED),
    (errors.ResponseInterruptedError, INTERRUPTED),
    (errors.ConnectError, NO_CONNECTION),
)

_HINTS: Tuple[Tuple[Type[DialException], str], ...] = (
    (errors.AuthenticationError, "is DIAL_API_KEY a key of this server? `doctor` looks closer"),
    (errors.ConnectError, "`doctor` looks closer"),
    (errors.ConfigurationError, "see --help"),
)


class CommandError(Exception):
    """Why a command can't go on, where it is not the server's or the system's doing."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(CommandError):
    """Words that make no sense together, found after they were parsed; the message says what to write instead."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)


class Terminated(KeyboardInterrupt):
    """SIGTERM: a command ends as with Ctrl-C, but for its exit code."""


def code_of(error: BaseException) -> int:
    """The exit code of an error.

    Arguments that can't be sent are the caller's own fault, and end like wrong words.
    """
    if isinstance(error, KeyboardInterrupt):
        return TERMINATED if isinstance(error, Terminated) else CTRL_C
    if isinstance(error, CommandError):
        return error.code
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return USAGE if isinstance(error, errors.InvalidRequestError) and error.request_sent == "no" else FAILED


def line_about(error: BaseException) -> str:
    """An error as one line for stderr, in which a server's words command no terminal."""
    if isinstance(error, DialException):
        text = "%s: %s" % (type(error).__name__, error)
        if isinstance(error, errors.RateLimitError) and error.retry_after:
            text += "; the server asks to wait %g s" % error.retry_after
        if error.location:
            text += "; the server redirects to %s" % error.location
        hint = next((hint for kind, hint in _HINTS if isinstance(error, kind)), "")
        text = "%s (%s)" % (text, hint) if hint else text
    elif isinstance(error, OSError) and error.strerror:
        text = "%s: %s" % (error.filename, error.strerror) if error.filename else error.strerror
    else:
        text = str(error) or type(error).__name__
    return visible(text, lines=False)


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Within the block SIGTERM raises Terminated, where that can be said."""
    import signal

    def handle(handler: Any) -> Any:
        try:
            return signal.signal(signal.SIGTERM, handler)
        except (ValueError, TypeError):  # not the main thread; a handler that Python did not set
            return None

    previous = handle(_terminate)
    try:
        yield
    finally:
        handle(previous)


def _terminate(number: int, frame: Any) -> None:
    raise Terminated
