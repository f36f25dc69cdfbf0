"""Attachments in a request: Core looks for their urls and checks that the caller may read them.

Knows every place where an attachment may stand, and the nulls that make Core stumble. Must not know what an application
does with them.
"""

from typing import TYPE_CHECKING

from .access import READ, permissions
from .application import Json
from .errors import Refusal
from .metadata import METADATA_TYPE
from .paths import from_url

if TYPE_CHECKING:
    from .core import Call, Core


def check(core: "Core", call: "Call", body: Json) -> None:
    """Refusal when the caller may not read what is attached, or when it can't be understood."""
    for url in urls_of(body):
        _check_one(core, call, url)


def urls_of(body: Json) -> list[str]:
    """Every url that stands in a place where Core looks for attachments; Refusal where nulls make it stumble."""
    urls: list[str] = []
    for message in _elements(body, "messages"):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            is_image = isinstance(part, dict) and part.get("type") == "image_url"
            image = part.get("image_url") if is_image else None
            if isinstance(image, dict) and isinstance(image.get("url"), str):
                urls.append(image["url"])
        custom = message.get("custom_content")
        if isinstance(custom, dict):
            urls += _held_by(custom)
            for stage in _elements(custom, "stages"):
                urls += _held_by(stage)
    pending = list(body["custom_input"]) if isinstance(body.get("custom_input"), list) else []
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            urls += _held_by({"attachments": [item]})
    return urls


def _elements(parent: Json, name: str) -> list[Json]:
    value = parent.get(name, [])
    if not isinstance(value, list):
        raise Refusal(400)
    return [item for item in value if isinstance(item, dict)]


def _held_by(holder: Json) -> list[str]:
    urls = []
    for attachment in _elements(holder, "attachments"):
        url = attachment.get("url")
        if not isinstance(url, str):
            continue
        if "type" in attachment and attachment["type"] is None:
            raise Refusal(400)
        if attachment.get("type") == METADATA_TYPE and "://" not in url:
            if not url.startswith("metadata/"):
                raise Refusal(400)
            url = url[len("metadata/") :]
        urls.append(url)
    return urls


def _check_one(core: "Core", call: "Call", url: str) -> None:
    scheme, found, _ = url.partition("://")
    if url.startswith("data:") or (found and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()):
        return
    try:
        resource = from_url(url)
    except Refusal:
        raise Refusal(400) from None
    if READ not in permissions(core, call.caller, resource):
        raise Refusal(403, f"Access denied to the file {url}")
