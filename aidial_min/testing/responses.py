"""The Responses API (2026): create, whole, streamed or in the background; retrieve, cancel, delete.

Whatever chats answers here too: `input` becomes messages, and the chunks of its answer become typed events. What is
stored keeps its events, so that a stream can be taken up again.
"""

import copy
import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Optional, Union

from .completions import EVENT_STREAM, answer_of, ask, begun, check_url, count, upstream_answer
from .deployments import Deployment
from .http import Disconnected, Response, as_json, dumps, event, present, refuse_if
from .json_shapes import Json, a_list, an_object, boolean, parsed, text, text_or_each, text_or_list
from .routing import Call, endpoint
from .sdk import END, AppError, ChatRequest, Chunk, judge

Event = Union[Json, float, bytes]
TERMINAL = ("completed", "incomplete", "failed", "cancelled")
_ATTEMPTS = [("X-UPSTREAM-ATTEMPTS", "1")]
#: Seconds after which somebody who follows a response looks for more of it.
LOOK_AGAIN = 0.01
_INPUT = text_or_each(an_object({"content": text_or_list}))
_BODY = an_object({"input": _INPUT, "tools": a_list, "instructions": text, "stream": boolean})
_ENDS = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ECHOED = (
    "background", "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "reasoning", "store",
    "temperature", "text", "tool_choice", "tools", "top_p", "truncation", "user",
)  # fmt: skip


class Job:
    """One response and its events: `response` is what a retrieval shows, without text until it has ended."""

    def __init__(self, owner: str, response: Json, count: Callable[[Optional[Json]], None]) -> None:
        self.owner = owner
        self.response = response
        self._count = count
        self._events: list[Event] = []
        self._ended = False

    @property
    def running(self) -> bool:
        return self.response["status"] not in TERMINAL

    def run(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass events on and note them, until they end or the job is cancelled."""
        try:
            for one in events:
                if self._ended:
                    return
                if isinstance(one, dict) and "response" in one:
                    self.response = one["response"]
                    self._count(self.response["usage"])
                self._events.append(one)
                yield one
        finally:
            self._ended = True

    def cancel(self) -> None:
        self.response = dict(self.response, status="cancelled")
        self._ended = True

    def follow(self, after: int = -1) -> Iterator[Event]:
        """The events after this sequence number, as they come."""
        place = 0
        while True:
            ended, found = self._ended, self._events[place:]
            if not found:
                if ended:
                    return
                yield LOOK_AGAIN
            place += len(found)
            for one in found:
                if not isinstance(one, dict) or one["sequence_number"] > after:
                    yield one


class Jobs(dict[str, Job]):
    """Stored responses by their ids."""


@endpoint("POST /+openai/v1/responses", generations="2026")
@endpoint("POST /+openai/responses", generations="2026")
def create(call: Call) -> Response:
    body = parsed(call.request.body(), (400, "{}"), (400, "Cannot deserialize value from this token"))
    for name in ("previous_response_id", "conversation"):
        refuse_if(name in body, 400, f"{name} is not supported")
    return ask(call, str(body.get("model") or ""), _respond, defaults=False)


def _respond(call: Call, deployment: Deployment, body: Json) -> Response:
    words = "OpenAI responses not supported for this deployment type"
    refuse_if(not deployment.all_features(True)["responses_api"], 503, words)
    judge(body, _BODY)
    for url in _urls(body):
        check_url(call, url)
    request = ChatRequest(deployment, {"messages": _messages(body), "stream": bool(body.get("stream"))}, asked=body)
    parts = answer_of(call, request)
    if isinstance(parts, Response):
        return parts
    writer = Writer(_empty(call, deployment, body))
    job = Job(call.caller.location, copy.deepcopy(writer.response), partial(count, call, deployment))
    in_background = bool(body.get("background"))
    if request.stream and not in_background:
        parts = begun(call, parts)
    events = job.run(writer.events(parts, request.stream or in_background))
    if in_background:
        job.response["status"] = "queued"
        queued = as_json(job.response, headers=_ATTEMPTS)
        threading.Thread(target=_work_on, args=(call, events), name="dial-background", daemon=True).start()
        response = _streamed(job.follow()) if request.stream else queued
    elif request.stream:
        response = _streamed(events)
    else:
        _work(call, events)
        response = as_json(job.response, headers=_ATTEMPTS)
    if body.get("store", True):
        call.core.part(Jobs)[writer.response["id"]] = job
    return response


@endpoint("GET /+openai/v1/responses/{response:[^/]+}", generations="2026")
def retrieve(call: Call, response: str) -> Response:
    job = _job(call, response)
    if not call.flag("stream"):
        return as_json(job.response)
    after = call.query.get("starting_after", "-1")
    refuse_if(not re.fullmatch("-?[0-9]{1,18}", after), 400, "starting_after is a number")
    return _streamed(job.follow(int(after)))


@endpoint("POST /+openai/v1/responses/{response:[^/]+}/cancel", generations="2026")
def cancel(call: Call, response: str) -> Response:
    job = _job(call, response)
    if not job.response.get("background"):
        error = {"message": "Only background responses can be cancelled", "type": "invalid_request_error"}
        return as_json({"error": error}, 400)
    if job.running:
        job.cancel()
    return as_json(job.response)


@endpoint("DELETE /+openai/v1/responses/{response:[^/]+}", generations="2026")
def delete(call: Call, response: str) -> Json:
    job = _job(call, response)
    running = job.running and job.response.get("background")
    refuse_if(running, 409, "Cannot delete response while background job is in progress")
    del call.core.part(Jobs)[job.response["id"]]
    return {"id": job.response["id"], "object": "response", "deleted": True}


def _job(call: Call, id: str) -> Job:
    refuse_if(not id.startswith("dial_"), 500, "Failed to process response operation")
    words = f"Response with id '{id}' not found."
    error = {"message": words, "display_message": words, "type": "invalid_request_error"}
    job = present(call.core.part(Jobs).get(id), 404, dumps({"error": error}).decode())
    refuse_if(job.owner != call.caller.location, 403, "Access denied")
    return job


def _work(call: Call, events: Iterator[Event]) -> None:
    for one in events:
        if isinstance(one, float):
            call.request.connection.pause(one)


def _work_on(call: Call, events: Iterator[Event]) -> None:
    with suppress(Disconnected):  # the server has been stopped
        _work(call, events)


def _streamed(events: Iterator[Event]) -> Response:
    pieces = (event(one, one["type"]) if isinstance(one, dict) else one for one in events)
    return upstream_answer(pieces, EVENT_STREAM)


# From chunks to events


def _empty(call: Call, deployment: Deployment, body: Json) -> Json:
    response: Json = {"id": f"dial_{deployment.id}_{call.core.new_id().replace('-', '')}", "object": "response"}
    response.update(created_at=int(call.core.clock()), status="in_progress")
    response.update(model=deployment.model_name or deployment.id, output=[], parallel_tool_calls=True)
    response.update(tool_choice="auto", tools=[], error=None, incomplete_details=None, usage=None)
    return {**response, **{name: body[name] for name in _ECHOED if name in body}}


class Writer:
    """Writes one response: every change of it is an event."""

    def __init__(self, response: Json) -> None:
        self.response = response
        self._numbers = itertools.count()
        self._item: Optional[Json] = None
        self._texts: list[str] = []

    def events(self, parts: Iterator[Chunk], fails: bool) -> Iterator[Event]:
        """The events of an answer; an error of the application is one of them (`fails`), or is raised."""
        response, status = self.response, "completed"
        yield self._event("created", response=response)
        yield self._event("in_progress", response=response)
        try:
            for part in parts:
                if part is END:
                    return
                if not isinstance(part, dict):
                    yield part
                    continue
                choice = part["choices"][0]
                yield from self._write(choice["delta"])
                if choice["finish_reason"]:
                    response["usage"] = _usage(part.get("usage") or {})
                if choice["finish_reason"] in _ENDS:
                    status = "incomplete"
                    response["incomplete_details"] = {"reason": _ENDS[choice["finish_reason"]]}
        except AppError as error:
            if not fails:
                raise
            status = "failed"
            response["error"] = error.body["error"]
        yield from self._close()
        response["status"] = status
        yield self._event(status, response=response)

    def _write(self, delta: Json) -> Iterator[Json]:
        if delta.get("content"):
            if self._item is None or self._item["type"] != "message":
                yield from self._open({"type": "message", "role": "assistant", "content": []}, "msg")
                yield self._part("content_part.added", part={"type": "output_text", "text": "", "annotations": []})
            self._texts.append(delta["content"])
            yield self._part("output_text.delta", delta=delta["content"], logprobs=[])
        for one in delta.get("tool_calls") or ():
            function = one.get("function") or {}
            if one.get("id"):
                call = {"type": "function_call", "call_id": one["id"], "name": function.get("name"), "arguments": ""}
                yield from self._open(call, "fc")
            self._texts.append(function.get("arguments") or "")
            yield self._place("function_call_arguments.delta", delta=self._texts[-1])

    def _open(self, item: Json, prefix: str) -> Iterator[Json]:
        yield from self._close()
        self._item = {"id": f"{prefix}_{len(self.response['output']) + 1}", "status": "in_progress", **item}
        self.response["output"].append(self._item)
        yield self._event("output_item.added", output_index=self._index, item=self._item)

    def _close(self) -> Iterator[Json]:
        item, text = self._item, "".join(self._texts)
        self._item, self._texts = None, []
        if item is None:
            return
        if item["type"] == "message":
            item["content"] = [{"type": "output_text", "text": text, "annotations": []}]
            yield self._part("output_text.done", text=text, logprobs=[])
            yield self._part("content_part.done", part=item["content"][0])
        else:
            item["arguments"] = text
            yield self._place("function_call_arguments.done", arguments=text, name=item["name"])
        item["status"] = "completed"
        yield self._event("output_item.done", output_index=self._index, item=item)

    @property
    def _index(self) -> int:
        return len(self.response["output"]) - 1

    def _part(self, kind: str, **fields: Any) -> Json:
        return self._place(kind, content_index=0, **fields)

    def _place(self, kind: str, **fields: Any) -> Json:
        return self._event(kind, item_id=self.response["output"][-1]["id"], output_index=self._index, **fields)

    def _event(self, kind: str, **fields: Any) -> Json:
        return {"type": f"response.{kind}", "sequence_number": next(self._numbers), **copy.deepcopy(fields)}


def _usage(counted: Json) -> Json:
    return {
        "input_tokens": counted.get("prompt_tokens", 0),
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": counted.get("completion_tokens", 0),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted.get("total_tokens", 0),
    }


# From input to messages


def _items(body: Json) -> list[Json]:
    given = body.get("input")
    if isinstance(given, list):
        return [item for item in given if isinstance(item, dict)]
    return [{"role": "user", "content": given}] if isinstance(given, str) else []


def _messages(body: Json) -> list[Json]:
    """The conversation as chat messages; items that have no place in one are left out."""
    messages: list[Json] = []
    if isinstance(body.get("instructions"), str):
        messages.append({"role": "system", "content": body["instructions"]})
    for item in _items(body):
        kind = item.get("type", "message")
        if kind == "message":
            content = item.get("content")
            texts = [str(part.get("text", "")) for part in content or () if isinstance(part, dict)]
            text = content if isinstance(content, str) else "".join(texts)
            messages.append({"role": item.get("role", "user"), "content": text})
        elif kind == "function_call":
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            called = {"id": item.get("call_id"), "type": "function", "function": function}
            messages.append({"role": "assistant", "content": None, "tool_calls": [called]})
        elif kind == "function_call_output":
            output = item.get("output")
            text = output if isinstance(output, str) else dumps(output).decode()
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": text})
    return messages


def _urls(body: Json) -> Iterator[str]:
    """Every url that stands in a place where Core looks for files."""
    for item in _items(body):
        kind = item.get("type", "message")
        parts = item.get("content") if kind == "message" else item.get("output")
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, dict):
                yield from (part[name] for name in ("image_url", "file_url") if isinstance(part.get(name), str))
    for tool in body.get("tools") or ():
        mask = tool.get("input_image_mask") if isinstance(tool, dict) else None
        if isinstance(mask, dict) and isinstance(mask.get("image_url"), str):
            yield mask["image_url"]
