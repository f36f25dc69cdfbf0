"""What the head of a download's answer must say; ETags."""

from __future__ import annotations

from typing import Iterable

from ..errors import EtagMismatchError, ParsingDataError, RequestInfo, conceal
from .http11 import Head, Headers


def bare_etag(text: str) -> str:
    """An ETag without weakness mark and quotes (Core sends them unquoted, RFC 9110 quotes them)."""
    text = text.strip()
    text = text[2:] if text.startswith("W/") else text
    return text.strip('"')


def check_content(head: Head, request: RequestInfo) -> None:
    """Only 200 and 203 bring the whole file (RFC 9110, 15.3): 202 promises it, 206 is a part that nobody asked for.

    Raises:
        ParsingDataError: another status.
    """
    if head.status not in (200, 203):
        raise ParsingDataError(
            "the answer to a download has the status %d, which does not bring the whole file" % head.status,
            status_code=head.status, headers=head.headers, request=request, request_sent="yes",
        )  # fmt: skip


def check_etag(headers: Headers, wanted: str, request: RequestInfo, secrets: Iterable[str]) -> None:
    """Compare the ETag of an answer with `etag_if_match`: Core of 2024 ignores If-Match on downloads.

    Raises:
        EtagMismatchError: none of the wanted tags is the answer's.
    """
    found = headers.get("etag")
    if found is None or wanted.strip() == "*":
        return
    if bare_etag(found) not in [bare_etag(tag) for tag in wanted.split(",")]:
        error = EtagMismatchError(
            "the file has the ETag %s, not %s" % (bare_etag(found), wanted),
            headers=headers,
            request=request,
            request_sent="yes",
        )
        conceal(error, secrets)
        raise error
