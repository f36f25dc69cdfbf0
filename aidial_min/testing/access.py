"""Who may read and write what: shares, invitations, grants between applications, and rules of public folders.

`Access.permissions(caller, resource)` is what every handler of stored resources asks; `require` raises Core's 403.
"""

import itertools
import re
from collections.abc import Collection, Iterable
from typing import Optional

from .auth import Caller, bucket_of, strings
from .http import HttpError
from .json_shapes import Json
from .paths import ResourceUrl
from .storage import Storage

READ, WRITE, SHARE = "READ", "WRITE", "SHARE"
RIGHTS = (READ, WRITE, SHARE)
INVITATION_LIFE = 259_200_000


def in_order(rights: Collection[str]) -> list[str]:
    return [right for right in RIGHTS if right in rights]


class Shares:
    """Who may do what with which resource: {url: {receiver: rights}}."""

    def __init__(self, given: dict[str, dict[str, list[str]]]) -> None:
        self._given = given

    def permissions(self, receiver: str, resource: ResourceUrl) -> set[str]:
        """The rights given to `receiver` on `resource` or a folder around it."""
        given = [self._given.get(place.url, {}).get(receiver, ()) for place in resource.around() if place.segments]
        return set(itertools.chain(*given))

    def of(self, receiver: str) -> dict[str, list[str]]:
        """The rights of one receiver, by url."""
        return {url: receivers[receiver] for url, receivers in list(self._given.items()) if receiver in receivers}

    def urls(self) -> list[str]:
        return list(self._given)

    def receivers(self, url: str) -> dict[str, list[str]]:
        return dict(self._given.get(url, {}))

    def give(self, url: str, receiver: str, rights: Iterable[str]) -> None:
        known = self._given.setdefault(url, {}).setdefault(receiver, [])
        known += [right for right in rights if right not in known]

    def take(self, url: str, rights: Collection[str] = RIGHTS, receiver: Optional[str] = None) -> None:
        """Take `rights` from one receiver, or from all of them."""
        receivers = self._given.get(url, {})
        for name in [receiver] if receiver else list(receivers):
            receivers[name] = [right for right in receivers.get(name, ()) if right not in rights]
            if not receivers[name]:
                del receivers[name]
        if not receivers:
            self._given.pop(url, None)


class Sharing(Shares):
    """What users let each other see, by their locations; and invitations ({id: invitation}), kept in the storage.

    All this is changed within `Storage.change`.
    """

    def __init__(self, storage: Storage) -> None:
        self._kept: Json = storage.kept("sharing", {"shares": {}, "invitations": {}, "count": 0})
        super().__init__(self._kept["shares"])
        self.invitations: dict[str, Json] = self._kept["invitations"]

    def invite(self, owner: str, resources: list[Json], now: int) -> str:
        self._kept["count"] += 1
        id = bucket_of(f"{owner}invitations/invitations.json/{self._kept['count']}")
        expires = now + INVITATION_LIFE
        invitation = {"id": id, "resources": resources, "createdAt": now, "expireAt": expires, "owner": owner}
        self.invitations[id] = invitation
        return id

    def invitation(self, id: str, now: int) -> Json:
        invitation = self.invitations.get(id)
        if invitation is None or invitation["expireAt"] < now:
            raise HttpError(404, f"No invitation found for ID {id}")
        return invitation

    def withdraw(self, url: str, rights: Collection[str] = RIGHTS) -> None:
        """Take `rights` from all receivers, and from the invitations that are open."""
        self.take(url, rights)
        for id, invitation in list(self.invitations.items()):
            for link in invitation["resources"]:
                if link["url"] == url:
                    link["permissions"] = [right for right in link["permissions"] if right not in rights]
            invitation["resources"] = [link for link in invitation["resources"] if link["permissions"]]
            if not invitation["resources"]:
                del self.invitations[id]

    def moved(self, source: ResourceUrl, destination: ResourceUrl) -> None:
        """Within a bucket shares go along; out of it they are revoked."""
        if source.bucket == destination.bucket:
            for location, rights in self.receivers(source.url).items():
                self.give(destination.url, location, rights)
            for invitation in self.invitations.values():
                for link in invitation["resources"]:
                    if link["url"] == source.url:
                        link["url"] = destination.url
        self.withdraw(source.url)


class Grants:
    """What applications let each other see, by their ids: shares of each, for each first caller."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], Shares] = {}

    def by(self, caller: Caller) -> Shares:
        return self._given.setdefault((caller.location, str(caller.deployment)), Shares({}))

    def to(self, caller: Caller) -> list[Shares]:
        """What applications of the same first caller have granted."""
        return [shares for (location, _), shares in list(self._given.items()) if location == caller.location]


class Access:
    def __init__(self, storage: Storage) -> None:
        self.sharing = Sharing(storage)
        self.grants = Grants()
        published: Json = storage.kept("publications", {"publications": {}, "rules": {}, "notifications": {}})
        self.publications: dict[str, Json] = published["publications"]
        #: By public folder.
        self.rules: dict[str, list[Json]] = published["rules"]
        #: By the location of who is told.
        self.notifications: dict[str, list[Json]] = published["notifications"]

    def permissions(self, caller: Caller, resource: ResourceUrl) -> set[str]:
        """What `caller` may do with `resource`; empty when nothing."""
        own = f"Keys/{caller.deployment}/" if caller.deployment is not None else caller.location
        if resource.location == own or (caller.admin and caller.deployment is None):
            return {READ, WRITE}
        rights = self.sharing.permissions(caller.location, resource)
        if caller.deployment is not None:
            # In its caller's bucket an application owns appdata/{id}/, and has what it was granted.
            home = ("appdata", *caller.deployment.split("/"))
            at_home = resource.location == caller.location and resource.segments[: len(home)] == home
            given = [shares.permissions(caller.deployment, resource) for shares in self.grants.to(caller)]
            rights |= {READ, WRITE} if at_home else set().union(*given)
        if resource.public and self._is_let_in(caller, resource):
            rights.add(READ)
        # What is being reviewed, and what was deployed, lies in buckets below the author's own.
        if resource.location.startswith((f"{caller.location}publications/", f"{caller.location}deployments/")):
            rights.add(READ)
        return rights

    def require(self, caller: Caller, resource: ResourceUrl, permission: str) -> None:
        if permission not in self.permissions(caller, resource):
            raise HttpError(403, f"You don't have an access to: {resource.url}")

    def rules_around(self, resource: ResourceUrl) -> dict[str, list[Json]]:
        """The rules of the public folders that `resource` lies in, the nearest first."""
        around = [place.path for place in resource.around() if place.folder and place.segments]
        return {path: self.rules[path] for path in around if path in self.rules}

    def _is_let_in(self, caller: Caller, resource: ResourceUrl) -> bool:
        around = self.rules_around(resource).values()
        return all(any(_matches(caller, rule) for rule in rules) for rules in around if rules)


def _matches(caller: Caller, rule: Json) -> bool:
    claims = list(caller.roles) if rule["source"] == "roles" else caller.claims.get(rule["source"])
    if claims is None:
        return False
    values = strings(claims)
    function, targets = rule["function"], rule["targets"] or []
    if function in ("TRUE", "FALSE"):
        return bool(function == "TRUE")
    if function == "REGEX":
        return any(re.fullmatch(target, value) for target in targets for value in values)
    pairs = [(target.lower(), value.lower()) for target in targets for value in values]
    return any(target == value if function == "EQUAL" else target in value for target, value in pairs)
