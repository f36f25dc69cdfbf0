"""How an application built with DIAL's SDK judges a request: the first thing that is wrong, in the SDK's words.

Knows the fields of a chat request and their types. Must not know HTTP or what the answer will be; embeddings.py and
features.py judge their bodies with the same pieces.
"""

from collections.abc import Mapping
from typing import Any

from .application import AppError, Json


def invalid(path: str, words: str) -> AppError:
    message = f"Your request contained invalid structure on path {path}. {words}"
    return AppError(message, 400, "invalid_request_error")


def check_fields(body: Any, spec: Mapping[str, Any], required: tuple[str, ...], path: str = "") -> None:
    """Judge one object; types first, unknown fields last, as the SDK does."""
    if not isinstance(body, dict):
        raise invalid(path[:-1], "value is not a valid dict")
    for name in required:
        if name not in body:
            raise invalid(path + name, "field required")
    for name, check in spec.items():
        if name in body and (body[name] is not None or name in required):
            check(body[name], path + name)


def check_chat(body: Json) -> None:
    """Judge a chat body; AppError 400 on the first thing that is wrong."""
    check_fields(body, _CHAT, ("messages",))
    if "stream" in body and body["stream"] is None:
        raise invalid("stream", "none is not an allowed value")
    check_extra(body, _CHAT_NAMES)
    for index, message in enumerate(body["messages"]):
        check_extra(message, _MESSAGE_NAMES, f"messages.{index}.")


def check_extra(body: Json, known: Mapping[str, Any], path: str = "") -> None:
    for name in body:
        if name not in known:
            raise invalid(path + name, "extra fields not permitted")


def is_str(value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise invalid(path, "str type expected")


def is_dict(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise invalid(path, "value is not a valid dict")


def is_list(value: Any, path: str) -> None:
    if not isinstance(value, list):
        raise invalid(path, "value is not a valid list")


def is_int(value: Any, path: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(path, "value is not a valid integer")


def _is_positive(value: Any, path: str) -> None:
    is_int(value, path)
    if value <= 0:
        raise invalid(path, "ensure this value is greater than 0")


def _is_number(value: Any, path: str) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise invalid(path, "value is not a valid float")


def _is_bool(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise invalid(path, "value could not be parsed to a boolean")


def _is_stop(value: Any, path: str) -> None:
    if not isinstance(value, (str, list)):
        raise invalid(path, "str type expected")


def _is_content(value: Any, path: str) -> None:
    if isinstance(value, list):
        for part in value:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind not in _PARTS or not isinstance(part.get(kind), (str, dict)):
                raise invalid(path, "str type expected")
    else:
        is_str(value, path)


def _is_attachments(value: Any, path: str) -> None:
    is_list(value, path)
    for index, attachment in enumerate(value):
        is_dict(attachment, f"{path}.{index}")
        given = [name for name in ("data", "url") if attachment.get(name) is not None]
        if len(given) != 1:
            both = "has both" if given else "'s missing both"
            words = f"Attachment must have either 'data' or 'url', but it{both if not given else ' ' + both}"
            raise invalid(f"{path}.{index}.__root__", words)


def _is_custom_content(value: Any, path: str) -> None:
    check_fields(value, {"attachments": _is_attachments, "stages": is_list, "state": is_dict}, (), path + ".")


def _is_role(value: Any, path: str) -> None:
    if value not in _ROLES:
        permitted = ", ".join(f"'{role}'" for role in _ROLES)
        raise invalid(path, f"value is not a valid enumeration member; permitted: {permitted}")


def _is_messages(value: Any, path: str) -> None:
    is_list(value, path)
    for index, message in enumerate(value):
        check_fields(message, _MESSAGE, ("role",), f"{path}.{index}.")


def _is_tools(value: Any, path: str) -> None:
    is_list(value, path)
    for index, tool in enumerate(value):
        kind = tool.get("type", "function") if isinstance(tool, dict) else "function"
        check_fields(tool, {kind: is_dict}, (kind,), f"{path}.{index}.")


_PARTS = ("text", "image_url", "file", "input_audio", "refusal")
_ROLES = ("system", "developer", "user", "assistant", "function", "tool")
_MESSAGE = {"role": _is_role, "content": _is_content, "custom_content": _is_custom_content, "name": is_str}
_MESSAGE_NAMES = {
    **_MESSAGE, "custom_fields": None, "tool_calls": None, "tool_call_id": None, "function_call": None,
    "refusal": None, "reasoning_content": None,
}  # fmt: skip
_CHAT = {
    "model": is_str, "messages": _is_messages, "functions": is_list, "tools": _is_tools, "stream": _is_bool,
    "stream_options": is_dict, "temperature": _is_number, "top_p": _is_number, "n": _is_positive, "stop": _is_stop,
    "max_tokens": _is_positive, "max_completion_tokens": _is_positive, "presence_penalty": _is_number,
    "frequency_penalty": _is_number, "logit_bias": is_dict, "user": is_str, "seed": is_int, "logprobs": _is_bool,
    "top_logprobs": is_int, "reasoning_effort": is_str, "response_format": is_dict, "parallel_tool_calls": _is_bool,
    "prompt_cache_key": is_str, "prompt_cache_options": is_dict, "max_prompt_tokens": _is_positive,
    "custom_fields": is_dict,
}  # fmt: skip
_CHAT_NAMES = {**_CHAT, "function_call": None, "tool_choice": None, "addons": None}
