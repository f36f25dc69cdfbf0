"""/v1/ops/resource/per-request-permissions (2026): an application lets another one see what it may see itself.

Knows grants by caller, and the texts. Must not know when a per-request key begins or ends (auth.py).
"""

from typing import TYPE_CHECKING, Any

from . import bodies
from .access import permissions, sorted_rights
from .auth import Caller
from .errors import Refusal
from .messages import Response, as_json
from .paths import ResourceUrl, from_url

if TYPE_CHECKING:
    from .core import Call, Core

Json = dict[str, Any]


class Grants:
    """{(location of the first caller, granting deployment): {receiver: {url: rights}}}"""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], dict[str, dict[str, set[str]]]] = {}

    def by(self, caller: Caller) -> dict[str, dict[str, set[str]]]:
        return self._given.setdefault((caller.location, str(caller.deployment)), {})

    def to(self, caller: Caller) -> dict[str, set[str]]:
        """What other applications of the same first caller have granted to this one."""
        found: dict[str, set[str]] = {}
        for (location, _), receivers in list(self._given.items()):
            if location == caller.location:
                for url, rights in list(receivers.get(str(caller.deployment), {}).items()):
                    found.setdefault(url, set()).update(rights)
        return found

    def permissions(self, caller: Caller, resource: ResourceUrl) -> set[str]:
        granted = self.to(caller)
        rights: set[str] = set()
        place = resource
        while granted:
            rights |= granted.get(place.url, set())
            parent = place.parent
            if parent is None:
                break
            place = parent
        return rights

    def clear(self) -> None:
        self._given.clear()


def operate(core: "Core", call: "Call", operation: str) -> Response:
    """POST /v1/ops/resource/per-request-permissions/(grant|revoke|list)"""
    if call.caller.deployment is None:
        raise Refusal(401, "Operation is only permitted by per request API key")
    body = bodies.operation(bytes(call.request.body()), "Not valid JSON body")
    if operation == "list":
        if str(body.get("with")).upper() == "ME":
            return as_json({"resources": _listed(core.grants.to(call.caller))})
        given = core.grants.by(call.caller)
        shown = [{"receiver": name, "resourcePermissions": _listed(links)} for name, links in given.items()]
        return as_json({"receivers": shown})
    receiver, links = body.get("receiver"), body.get("resourcePermissions")
    if not isinstance(receiver, str) or not isinstance(links, list):
        raise Refusal(400, "Not valid JSON body")
    for link in links:
        resource = from_url(str(link.get("url")))
        rights = {str(right).upper() for right in link.get("permissions") or ["READ"]}
        links_of = core.grants.by(call.caller).setdefault(receiver, {})
        if operation == "revoke":
            links_of[resource.url] = links_of.get(resource.url, set()) - rights
            if not links_of[resource.url]:
                del links_of[resource.url]
        elif permissions(core, call.caller, resource) >= rights:
            links_of.setdefault(resource.url, set()).update(rights)
        else:
            raise Refusal(403, f"Access to resource is forbidden: {link.get('url')}")
    return Response(200)


def _listed(links: dict[str, set[str]]) -> list[Json]:
    return [{"url": url, "permissions": sorted_rights(rights)} for url, rights in links.items()]
