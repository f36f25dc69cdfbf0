"""Events of a streamed response (Responses API), merged into the response they tell of.

    merge = ResponseMerge()
    for event in events:
        merge.add(event)
    response = merge.result()         # whole once `merge.ended`, and what came so far before that

The last event holds the whole response, so merging serves `.partial` of errors: snapshots, and what was added to them.
"""

from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]

_TERMINAL = ("response.completed", "response.incomplete", "response.failed")
_GROWING = {
    "output_text": ("content", "content_index", "text"),
    "refusal": ("content", "content_index", "refusal"),
    "reasoning_text": ("content", "content_index", "text"),
    "reasoning_summary_text": ("summary", "summary_index", "text"),
    "function_call_arguments": ("", "", "arguments"),
    "custom_tool_call_input": ("", "", "input"),
    "code_interpreter_call_code": ("", "", "code"),
    "mcp_call_arguments": ("", "", "arguments"),
}
"""What a `response.*.delta` adds to: a field of a part in a list of the item's parts, or of the item itself."""


class ResponseMerge:
    """The response so far: `add` events (the parsed JSON), ask for `result` at any time."""

    wanted = "response.completed, response.incomplete or response.failed"
    """What says that the answer is complete."""
    finished = False
    """Nothing else says it."""

    def __init__(self) -> None:
        self.ended = False
        self._response: Optional[Json] = None
        self._items: Dict[int, Json] = {}
        # By item: list, part, its type, field.
        self._texts: Dict[int, Dict[Tuple[str, int, str, str], List[str]]] = {}

    def add(self, event: Json) -> None:
        """Merge one event."""
        kind, index = str(event.get("type")), event.get("output_index")
        if isinstance(event.get("response"), dict):
            self._response = event["response"]
            self.ended = kind in _TERMINAL
        elif not isinstance(index, int):
            return
        elif kind in ("response.output_item.added", "response.output_item.done") and isinstance(
            event.get("item"), dict
        ):
            self._items[index] = event["item"]
            if kind.endswith("done"):
                self._texts.pop(index, None)
        elif kind.endswith(".delta") and isinstance(event.get("delta"), str):
            what = kind[len("response.") : -len(".delta")]
            if what in _GROWING:
                parts, number, field = _GROWING[what]
                part = event.get(number)
                kind = "summary_text" if parts == "summary" else what
                place = (parts, part if isinstance(part, int) else 0, kind, field)
                self._texts.setdefault(index, {}).setdefault(place, []).append(event["delta"])

    def result(self) -> Optional[Json]:
        """The response, or None while nothing has come."""
        if self._response is None or self.ended or not (self._items or self._texts):
            return self._response
        items = {index: dict(item) for index, item in self._items.items()}
        for index, texts in self._texts.items():
            item = items.setdefault(index, {"type": "message", "role": "assistant"})
            grown: Dict[str, Dict[int, Json]] = {}  # by list: parts by their index
            for (parts, number, kind, field), pieces in texts.items():
                if parts and parts not in grown:
                    came = item.get(parts)
                    listed = enumerate(came if isinstance(came, list) else ())
                    grown[parts] = {at: dict(part) for at, part in listed if isinstance(part, dict)}
                place = grown[parts].setdefault(number, {"type": kind}) if parts else item
                place[field] = "".join(pieces)
            for parts, found in grown.items():
                item[parts] = [found[number] for number in sorted(found)]
        return {**self._response, "output": [items[index] for index in sorted(items)]}

    @staticmethod
    def as_event(answer: Json) -> Optional[Json]:
        """A whole response as the one event of its stream."""
        if answer.get("object") != "response":
            return None
        status = answer.get("status")
        return {
            "type": "response.%s" % (status if status in ("incomplete", "failed") else "completed"),
            "response": answer,
        }
