"""What the cases of the differential run share: the list of cases, and what several areas use.

Each official_cases_*.py adds the cases of its area; every operation of aidial-client 0.18.0 is in one of them.
It knows the official client's public names only; it must not know what travels or which differences are allowed.
"""

from typing import Any, Awaitable, Callable, Dict, List, Optional

from official_recorder import Case, Play, Raw

CASES: List[Case] = []

Playing = Callable[[Play], Awaitable[Any]]
Prepare = Optional[Callable[[Raw], None]]
NO_RETRY: Dict[str, Any] = {"max_retries": 0}
HELLO = [{"role": "user", "content": "Hello there"}]
OF_APPLICATION = {"per_request_keys": {"per-request": ("first-key", "echo")}}

ODD_IDS = ("my deployment", "d\u00e9ploy", "a#b", "a?b=c", "50%", "a+b", "applications/b/my%20app", "applications/b/x")


def case(name: str, prepare: Prepare = None, **options: Any) -> Callable[[Playing], Playing]:
    """Add a function as a case; `client` are the client's arguments, None for a case that makes its own."""
    options.setdefault("client", NO_RETRY)

    def add(play: Playing) -> Playing:
        CASES.append(Case(name, play, prepare, **options))
        return play

    return add


def custom_application(raw: Raw) -> None:
    application = {"endpoint": "http://app/chat/completions", "display_name": "Mine", "description": "d"}
    raw.put_json("/v1/applications/%s/my%%20app" % raw.bucket, application)


def five_files(raw: Raw) -> None:
    for name in ("folder/a.txt", "folder/b.txt", "folder/deep/c.txt", "root.txt", "z%20z.txt"):
        raw.put_files("/v1/files/%s/%s" % (raw.bucket, name), {"x": name.encode()})
