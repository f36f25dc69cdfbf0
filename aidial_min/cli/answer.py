"""An answer as it is shown: text on stdout as it comes; stages, attachments and tool calls on stderr, beside it."""

import time
from typing import Any, Dict, List, Optional

from ..errors import DialException
from .terminal import bytes_text, dim, is_shared, note, visible, write, write_json

_CUT = {"length": "the answer was cut: it reached the token limit", "content_filter": "the answer was cut by a filter"}


class Screen:
    """Where an answer is shown.

    Args:
        quiet: no stages and attachments.
        json: the whole answer as JSON in the end, and nothing before.
        usage: a last line tells what the answer took.
    """

    def __init__(self, quiet: bool = False, json: bool = False, usage: bool = False) -> None:
        self.json = json
        self.usage = usage
        self._quiet = quiet or json
        self._shared = is_shared()
        self._last = "\n"
        self._held: List[str] = []  # lines that wait until the line of the answer ends
        self._stages: Dict[int, _Stage] = {}

    def text(self, piece: str) -> None:
        """A piece of the answer's text."""
        if not piece or self.json:
            return
        line, end, rest = piece.partition("\n") if self._held else (piece, "", "")
        self._last = (line + end)[-1]  # noted first: Ctrl-C may come while it is written
        write(line + end)
        if end:
            held, self._held = self._held, []
            for other in held:
                self.beside(other)
            self.text(rest)

    def beside(self, line: str) -> None:
        """A line that is not the answer; where both are seen together, it waits for the end of the answer's line."""
        if self._quiet:
            return
        if self._shared and self._last != "\n":
            self._held.append(line)
        else:
            note(dim(visible(line)))

    def delta(self, delta: Any) -> None:
        """What one chunk adds."""
        self.text(delta.content or "")
        for position, stage in enumerate((delta.custom_content and delta.custom_content.stages) or ()):
            index = position if stage.index is None else stage.index
            self._stages.setdefault(index, _Stage()).add(stage, self)

    def end(self) -> None:
        """Nothing more comes: close what is open."""
        for stage in self._stages.values():
            stage.close(self)
        self._stages.clear()
        if self._last != "\n":
            self.text("\n")

    def appendix(self, choice: Any) -> None:
        """What is known when the answer is complete."""
        message = choice.message
        for attachment in (message.custom_content and message.custom_content.attachments) or ():
            self.beside("+ " + describe(attachment))
        for call in message.tool_calls or ():
            self.beside("tool call: %s(%s)" % (call.function.name, call.function.arguments))
        if choice.finish_reason in _CUT:
            self.beside("(%s)" % _CUT[choice.finish_reason])


class _Stage:
    """One stage while it is written: its name in a line, its content below in whole lines."""

    def __init__(self) -> None:
        self.name = ""
        self.named = False
        self.content = ""
        self.attachments: Dict[int, Dict[str, Any]] = {}

    def add(self, stage: Any, screen: Screen) -> None:
        self.name += stage.name or ""
        self.content += stage.content or ""
        attachments: List[Any] = stage.attachments or []
        for position, attachment in enumerate(attachments):
            index = position if attachment.index is None else attachment.index
            known = self.attachments.setdefault(index, {})
            for name, value in attachment.to_dict().items():
                known[name] = known.get(name, "") + value if name == "data" and value else value or known.get(name)
        *lines, self.content = self.content.split("\n")
        if lines or not stage.name:  # a name comes in pieces, and is complete when something else comes
            self._show_name(screen)
        for line in lines:
            screen.beside("  " + line)
        if stage.status:
            self.close(screen)
            if stage.status != "completed":
                screen.beside("  " + stage.status)

    def close(self, screen: Screen) -> None:
        self._show_name(screen)
        if self.content:
            screen.beside("  " + self.content)
            self.content = ""
        for attachment in self.attachments.values():
            screen.beside("  + " + describe(attachment))
        self.attachments.clear()

    def _show_name(self, screen: Screen) -> None:
        if not self.named:
            self.named = True
            screen.beside("* " + (self.name or "(a stage)"))


def describe(attachment: Any) -> str:
    """An attachment in one line: title, type, and its URL or how much it holds."""
    found: Dict[str, Optional[str]] = attachment if isinstance(attachment, dict) else attachment.to_dict()
    url, data = found.get("url"), found.get("data")
    about = [found.get("type") or "text/markdown"]
    if data and not url:
        about.append(bytes_text(len(data.encode("utf-8", "replace"))))
    title = found.get("title") or (url or "").rstrip("/").rpartition("/")[2] or "attachment"
    return "%s (%s)%s" % (title, ", ".join(about), " " + url if url else "")


def ask(client: Any, deployment: str, messages: List[Any], parameters: Any, screen: Screen, *, stream: bool) -> Any:
    """Send a conversation and show the answer.

    Args:
        parameters: of the request's body, beside the messages.
    Returns:
        The whole answer, a ChatCompletionResponse.
    Raises:
        DialException: with what came until then in `.partial`; all of it has been shown.
        Stopped: Ctrl-C, the same.
    """
    began = time.monotonic()
    asked = {"deployment_name": deployment, "messages": messages, "extra_body": parameters}
    call = client.chat.completions.create
    try:
        if stream:
            answer = _streamed(call(**asked, stream=True), screen)
        else:
            answer = call(**asked)
            if answer.choices:
                screen.delta(answer.choices[0].message)
                screen.end()
    except (DialException, Stopped) as error:
        if screen.json and error.partial is not None:
            write_json(error.partial.to_dict())
        raise
    if screen.json:
        write_json(answer.to_dict())
    elif answer.choices:
        screen.appendix(answer.choices[0])
    if screen.usage:
        usage = answer.usage
        tokens = "%s tokens in, %s out, " % (usage.prompt_tokens, usage.completion_tokens) if usage else ""
        note(dim("(%s%.1f s)" % (tokens, time.monotonic() - began)))
    return answer


class Stopped(KeyboardInterrupt):
    """Ctrl-C while an answer came; `partial` is what came until then, or None."""

    def __init__(self, partial: Any) -> None:
        super().__init__()
        self.partial = partial


def _streamed(stream: Any, screen: Screen) -> Any:
    with stream:
        try:
            for chunk in stream:
                for choice in chunk.choices:
                    if choice.index in (0, None):
                        screen.delta(choice.delta)
        except KeyboardInterrupt:
            raise Stopped(_partial(stream)) from None
        finally:
            screen.end()
        return stream.result()


def _partial(stream: Any) -> Any:
    stream.close()
    try:
        return stream.result()
    except DialException as error:
        return error.partial
