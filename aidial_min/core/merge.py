"""Chunks of a streamed completion, merged into the one answer they stand for (dial-protocol, 3.7).

    merge = CompletionMerge()
    for chunk in chunks:
        merge.add(chunk)
    answer = merge.result()

Text grows by pieces and is joined when it is asked for, so a long stream costs linear time. Only text-like fields
concatenate; identifiers, roles and statuses are replaced, but never by an empty string; indexed lists are merged by
index. Nothing is made up: an index that no chunk had leaves no empty element, so the answer can be sent as a message.
"""

from typing import Any, Dict, FrozenSet, List, Optional, Tuple

Json = Dict[str, Any]

_REPLACED: FrozenSet[str] = frozenset(
    "role type format id status finish_reason model url reference_url reference_type parent_stage_index object "
    "service_tier form_schema form_value state discarded_messages content_filter_results prompt_filter_results".split()
)
"""Fields whose newest value stands, wherever they are; other strings concatenate."""


class _Text(List[str]):
    """A string that is still growing, in pieces; comparing it costs little, for it knows most of its length."""

    _size = _counted = 0  # the length of so many pieces

    def equals(self, text: Any) -> bool:
        self._size += sum(map(len, self[self._counted :]))
        self._counted = len(self)
        return isinstance(text, str) and len(text) == self._size and "".join(self) == text

    def joined(self) -> str:
        self[:] = ["".join(self)]
        self._size = self._counted = 0
        return self[0]


class _Indexed(Dict[int, Any]):
    """A list whose elements come by index; those that come without one follow."""

    def __init__(self, others: List[Any]) -> None:
        super().__init__()
        self.others = others


class _ToolCalls:
    """The tool calls of one message, however a gateway tells them apart: by index, by id, or by their order alone."""

    def __init__(self) -> None:
        self._calls: List[Tuple[int, Json]] = []  # in the order in which they began, each with its place
        self._newest: Dict[Tuple[Optional[int], Optional[str]], Json] = {}  # by (index, id), with None for "any"

    def add(self, piece: Json) -> None:
        index = _index_of(piece)
        identity = piece["id"] if isinstance(piece.get("id"), str) and piece["id"] else None
        call = self._continued(index, identity, piece)
        if call is None:
            call = {}
            last = self._calls[-1][0] if self._calls else 0
            self._calls.append((last if index is None else index, call))
        _merge_object(call, piece)
        for key in ((index, identity), (index, None), (None, identity), (None, None)):
            self._newest[key] = call

    def _continued(self, index: Optional[int], identity: Optional[str], piece: Json) -> Optional[Json]:
        """The call that `piece` belongs to, or None: it begins another one."""
        if identity is not None and (index, identity) in self._newest:
            return self._newest[index, identity]
        known = self._newest.get((index, None))
        if known is None or (identity is not None and known.get("id")):
            return None  # gateways that number every call 0 tell them apart by their ids
        name, function = _function_of(piece).get("name"), _function_of(known)
        if not name or type(function.get("name")) is not _Text:
            return known
        if index is None:
            return None  # without any number, a name is where a call begins
        return None if function.get("arguments") and not function["name"].equals(name) else known

    def settled(self, keep_index: bool) -> List[Any]:
        calls = [_settled(call, keep_index) for _, call in sorted(self._calls, key=lambda placed: placed[0])]
        for call in calls:
            if isinstance(call.get("function"), dict):
                call["type"] = call.get("type") or "function"
                call["function"] = _callable(call["function"])
        return calls if keep_index else [_without_index(call) for call in calls]


class CompletionMerge:
    """The answer so far: `add` chunks (the parsed JSON), ask for `result` at any time."""

    wanted = "[DONE]"
    """What says that the answer is complete."""
    ended = False
    """No chunk says it; `[DONE]` is none."""

    def __init__(self) -> None:
        self._top: Json = {}
        self._choices: Dict[int, Json] = {}
        self._frame: Json = {}  # what stood beside the choices of the last chunk

    def add(self, chunk: Json) -> None:
        """Merge one chunk; nothing of it is kept by reference that could change later."""
        frame = chunk.copy()
        choices = frame.pop("choices", None)
        if frame != self._frame:  # which nearly every chunk repeats
            self._add_frame(frame)
        if isinstance(choices, list):
            for choice in choices:
                if isinstance(choice, dict):
                    self._add_choice(choice)

    def _add_frame(self, frame: Json) -> None:
        top, self._frame = self._top, frame
        for key, value in frame.items():
            if isinstance(value, (dict, list)):
                self._frame = {}  # merging it again is not the same as leaving it
            if value is None:
                top.setdefault(key, None)
            elif key == "id":
                top[key] = top.get(key) or value
            elif key == "usage" and isinstance(value, dict):
                top[key] = _replace_fields(top.get(key), value)
            elif isinstance(value, (dict, list)):
                top[key] = _merge_value(key, top.get(key), value)
            else:
                top[key] = _newer(top.get(key), value)

    def _add_choice(self, source: Json) -> None:
        index = _index_of(source) or 0
        target = self._choices.get(index)
        if target is None:
            target = self._choices[index] = {"index": index, "finish_reason": None, "message": {}}
        for key, value in source.items():
            if key in ("delta", "message"):
                if isinstance(value, dict):
                    _merge_object(target["message"], value)
            elif key != "index":
                if value is None:
                    target.setdefault(key, None)
                else:
                    target[key] = _merge_value(key, target.get(key), value)

    @property
    def finished(self) -> bool:
        """Whether every choice that came has its `finish_reason`."""
        return bool(self._choices) and all(choice["finish_reason"] for choice in self._choices.values())

    @staticmethod
    def as_event(answer: Json) -> Optional[Json]:
        """A whole completion as the one chunk of its stream: messages are deltas, and tool calls have an index."""
        if not answer.get("choices"):
            return None
        if not isinstance(answer["choices"], list):
            return answer
        choices = []
        for choice in answer["choices"]:
            message = choice.get("message") if isinstance(choice, dict) else None
            if isinstance(message, dict):
                calls = message.get("tool_calls")
                if isinstance(calls, list) and all(isinstance(call, dict) for call in calls):
                    message = {**message, "tool_calls": [{"index": index, **call} for index, call in enumerate(calls)]}
                choice = {**{key: value for key, value in choice.items() if key != "message"}, "delta": message}
            choices.append(choice)
        kind = {"object": "chat.completion.chunk"} if answer.get("object") == "chat.completion" else {}
        return {**answer, **kind, "choices": choices}

    def result(self) -> Optional[Json]:
        """The merged answer as a `chat.completion` object, or None while nothing has come."""
        if not self._top and not self._choices:
            return None
        choices = [_settle_choice(self._choices[index]) for index in sorted(self._choices)]
        answer = {key: _settled(value) for key, value in self._top.items()}
        answer["choices"] = choices
        answer["object"] = "chat.completion"
        return answer


def _settle_choice(choice: Json) -> Json:
    settled = {key: _settled(value, keep_index=key != "message") for key, value in choice.items()}
    message = settled["message"]
    if isinstance(message.get("function_call"), dict):
        message["function_call"] = _callable(message["function_call"])
    return settled


def _callable(function: Json) -> Json:
    """A function that the model calls: a message that is sent back needs its arguments, too."""
    return {**function, "arguments": function.get("arguments") or ""}


def _merge_object(target: Json, source: Json) -> None:
    for key, value in source.items():
        if value is None:
            target.setdefault(key, None)
            continue
        known = target.get(key)
        if type(value) is str and type(known) is _Text and key not in _REPLACED:
            known.append(value)  # the hot path: another piece of content
        else:
            target[key] = _merge_value(key, known, value)


def _merge_value(key: str, target: Any, source: Any) -> Any:
    """The value after `source` came for `target` (None: nothing so far); on a conflict of types, the newer one."""
    if key in _REPLACED:
        return _newer(target, source if type(source) is str else _settled(source))
    if isinstance(source, str):
        if type(target) is not _Text:
            return _Text((source,))
        target.append(source)
        return target
    if isinstance(source, dict):
        merged = target if type(target) is dict else {}
        _merge_object(merged, _without_repeated_name(merged, source) if key == "function" else source)
        return merged
    if isinstance(source, list):
        return _merge_tool_calls(target, source) if key == "tool_calls" else _merge_list(target, source)
    return source


def _newer(target: Any, source: Any) -> Any:
    """`source`, unless it is an empty string: gateways send those for "as before"."""
    return target if source == "" and target is not None else source


def _without_repeated_name(target: Json, source: Json) -> Json:
    """Some upstreams repeat a tool's whole name in every chunk."""
    known = target.get("name")
    if type(known) is _Text and known.equals(source.get("name")):
        return {key: value for key, value in source.items() if key != "name"}
    return source


def _function_of(call: Json) -> Json:
    function = call.get("function")
    return function if type(function) is dict else {}


def _merge_tool_calls(target: Any, source: List[Any]) -> Any:
    calls = target if type(target) is _ToolCalls else _ToolCalls()
    for piece in source:
        if isinstance(piece, dict):
            calls.add(piece)
    return calls


def _replace_fields(target: Any, source: Json) -> Json:
    """Usage: every field is replaced by its newest value, whatever its type."""
    merged = target if type(target) is dict else {}
    for key, value in source.items():
        if isinstance(value, dict):
            merged[key] = _replace_fields(merged.get(key), value)
        elif value is not None or key not in merged:
            merged[key] = _newer(merged.get(key), _settled(value))
    return merged


def _merge_list(target: Any, source: List[Any]) -> Any:
    if type(target) is not _Indexed:
        plain = target if type(target) is list else []
        if all(_index_of(item) is None for item in source):
            plain.extend(_settled(item) for item in source)
            return plain
        target = _Indexed(plain)
    for item in source:
        index = _index_of(item)
        if index is None:
            target.others.append(_settled(item))
        else:
            target[index] = _merge_value("", target.get(index), item)
    return target


def _index_of(item: Any) -> Optional[int]:
    index = item.get("index") if isinstance(item, dict) else None
    if type(index) is not int:  # gateways write 1.0 and "1", too
        decimal = isinstance(index, str) and index.isdecimal() and len(index) < 10
        whole = isinstance(index, float) and index.is_integer()
        index = int(index) if decimal or whole else -1  # type: ignore[arg-type]
    return index if index >= 0 else None


def _settled(value: Any, keep_index: bool = True) -> Any:
    """A copy in plain JSON types; `index` is dropped from the elements of lists that were merged by it."""
    if not isinstance(value, (dict, list, _ToolCalls)):
        return value
    if isinstance(value, _ToolCalls):
        return value.settled(keep_index)
    if isinstance(value, _Text):
        return value.joined()
    if isinstance(value, _Indexed):
        elements = [_settled(value[index], keep_index) for index in sorted(value)]
        others = [_settled(item, keep_index) for item in value.others]
        return [element if keep_index else _without_index(element) for element in elements] + others
    if isinstance(value, dict):
        return {key: _settled(item, keep_index) for key, item in value.items()}
    return [_settled(item, keep_index) for item in value]


def _without_index(element: Any) -> Any:
    return {key: item for key, item in element.items() if key != "index"} if isinstance(element, dict) else element
