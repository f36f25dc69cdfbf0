"""Who may read and write what: one function that every handler of stored resources asks.

Knows own buckets, administrators, an application's own folder, shares, public folders and their rules, reviews of
publications and per-request permissions, each asked of the room that keeps it.
Must not know HTTP methods or what the resources hold.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .auth import Caller
from .errors import Refusal
from .paths import ResourceUrl

if TYPE_CHECKING:
    from .core import Core

READ, WRITE, SHARE = "READ", "WRITE", "SHARE"


def permissions(core: "Core", caller: Caller, resource: ResourceUrl) -> set[str]:
    """What `caller` may do with `resource`; empty when nothing."""
    own = f"Keys/{caller.deployment}/" if caller.deployment is not None else caller.location
    if resource.location == own or (caller.admin and caller.deployment is None):
        return {READ, WRITE}
    rights = core.sharing.permissions(caller.location, resource)
    if caller.deployment is not None:
        rights |= _of_application(core, caller, resource)
    if resource.public and core.publications.lets_in(caller, resource):
        rights.add(READ)
    # What is being reviewed, and what was deployed, lies in buckets below the author's own.
    if resource.location.startswith((f"{caller.location}publications/", f"{caller.location}deployments/")):
        rights.add(READ)
    return rights


def _of_application(core: "Core", caller: Caller, resource: ResourceUrl) -> set[str]:
    """In its caller's bucket an application owns appdata/{id}/, and has what it was granted."""
    home = ("appdata", *str(caller.deployment).split("/"))
    if resource.location == caller.location and resource.segments[: len(home)] == home:
        return {READ, WRITE}
    return core.granted(caller, resource)


def require(core: "Core", caller: Caller, resource: ResourceUrl, permission: str) -> None:
    if permission not in permissions(core, caller, resource):
        raise Refusal(403, f"You don't have an access to: {resource.url}")


def sorted_rights(rights: Iterable[str]) -> list[str]:
    given = set(rights)
    return [right for right in (READ, WRITE, SHARE) if right in given]
