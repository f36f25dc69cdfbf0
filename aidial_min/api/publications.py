"""Publications: requests to make resources public, which administrators approve or reject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union

from ..core.body import json_body
from ..core.call import Config, Request, list_of, model_of, nothing
from ..core.operation import Async, Resource, Sync, operation
from ..core.urls import StorageUrl, parse_storage_url
from ..errors import InvalidDialURLError, InvalidRequestError
from ..types._plain import plain
from ..types.metadata import ResourceMetadata
from ..types.publication import Publication, PublicationResource, Rule, RulesResponse
from .arguments import list_given, public_folder, resource_url, target_url, type_names

if TYPE_CHECKING:
    PublicFolder = StorageUrl
    """A public folder, without a type: "public/team/"."""

PUBLICATION = "/v1/ops/publication/"


class _Publications(Resource):
    @operation
    async def create(
        self,
        target_folder: PublicFolder,
        resources: Sequence[Union[PublicationResource, Mapping[str, Any]]] = (),
        rules: Optional[Sequence[Union[Rule, Mapping[str, Any]]]] = None,
        *,
        name: Optional[str] = None,
        display_author: Optional[str] = None,
        publish_credentials: Optional[bool] = None,
    ) -> Publication:
        """Ask to publish resources, to take published ones back, or to set the rules of a public folder.

        Args:
            target_folder: "public/team/", where the resources shall be.
            resources: dicts as on the wire: `{"action": "ADD", "sourceUrl": ..., "targetUrl": ...}`, or
                `{"action": "DELETE", "targetUrl": ...}` to take one back. Resources, rules or both are needed.
            rules: who may read the folder: dicts `{"source": "roles", "function": "EQUAL", "targets": ["team"]}`.
            name: of the publication.
            display_author: shown as its author; Core of 2024 does not know it.
            publish_credentials: publish a toolset's credentials, too; Core of 2024 does not know it.
        Returns:
            The publication, `status` PENDING.
        Raises:
            InvalidRequestError: a source is missing, a target exists, or they do not fit the folder.
            PermissionDeniedError: a source is not the caller's.

        POST /v1/ops/publication/create
        """
        value: Dict[str, Any] = {
            "name": name,
            "targetFolder": public_folder("target_folder", target_folder),
            "resources": [_resource(self._config, item) for item in list_given("resources", resources, empty=True)],
            "rules": None if rules is None else [plain(rule) for rule in list_given("rules", rules, empty=True)],
            "displayAuthor": display_author,
            "publishCredentials": publish_credentials,
        }
        if not value["resources"] and rules is None:
            raise InvalidRequestError("a publication needs resources, rules or both")
        return await self._post(PUBLICATION + "create", value, _publication)

    @operation
    async def get(self, url: StorageUrl) -> Publication:
        """One publication with its resources and rules.

        Args:
            url: "publications/{bucket}/{id}".
        Raises:
            ResourceNotFoundError: there is none.
            PermissionDeniedError: it is somebody else's.

        POST /v1/ops/publication/get
        """
        return await self._post(PUBLICATION + "get", {"url": self._url(url)}, _publication)

    @operation
    async def list(self, url: StorageUrl) -> List[Publication]:
        """The publications of a bucket, without their resources and rules.

        Args:
            url: "publications/{bucket}/"; for administrators also "publications/public/", the pending ones of all.

        POST /v1/ops/publication/list
        """
        folder = parse_storage_url(self._config.origin, url, "publications").as_folder()
        if folder.segments:
            raise InvalidDialURLError("publications are listed by bucket: publications/{bucket}/, not %r" % str(url))
        decode = list_of(Publication.from_json, "publications")
        return await self._post(PUBLICATION + "list", {"url": folder.path}, decode)

    @operation
    async def delete(self, url: StorageUrl) -> None:
        """Delete a publication; what it made public stays public.

        Args:
            url: "publications/{bucket}/{id}", as `list` gives it.
        Raises:
            ResourceNotFoundError: there is none.
            PermissionDeniedError: it is somebody else's.

        POST /v1/ops/publication/delete
        """
        await self._post(PUBLICATION + "delete", {"url": self._url(url)}, nothing)

    @operation
    async def approve(self, url: StorageUrl) -> Publication:
        """Publish what a publication asks for; for administrators.

        Args:
            url: "publications/{bucket}/{id}", as `list` gives it.
        Raises:
            ResourceNotFoundError: there is none, or it is decided already.
            PermissionDeniedError: not for the caller.

        POST /v1/ops/publication/approve
        """
        return await self._post(PUBLICATION + "approve", {"url": self._url(url)}, _publication)

    @operation
    async def reject(self, url: StorageUrl, comment: Optional[str] = None) -> Publication:
        """Reject a publication; for administrators.

        Args:
            url: "publications/{bucket}/{id}", as `list` gives it.
            comment: why; its author is notified.
        Raises:
            ResourceNotFoundError: there is none, or it is decided already.
            PermissionDeniedError: not for the caller.

        POST /v1/ops/publication/reject
        """
        return await self._post(PUBLICATION + "reject", {"url": self._url(url), "comment": comment}, _publication)

    @operation
    async def list_resources(
        self, types: Sequence[str], *, permissions: Optional[bool] = None
    ) -> List[ResourceMetadata]:
        """The caller's own resources that have been published.

        Args:
            types: FILE, CONVERSATION, PROMPT, APPLICATION; newer servers also have TOOL_SET and SKILL.
            permissions: tell what the caller may do with each.

        POST /v1/ops/publication/resource/list
        """
        path, query = PUBLICATION + "resource/list", {"permissions": permissions}
        body = json_body({"resourceTypes": type_names(types)})
        decode = list_of(ResourceMetadata.from_json)
        return await self._call(Request("POST", path, query=query, body=body, decode=decode))

    @operation
    async def list_rules(self, url: PublicFolder) -> Dict[str, List[Rule]]:
        """Who may read a public folder: the rules of it and of the folders around it, by folder.

        Args:
            url: "public/team/", without a type.
        Raises:
            PermissionDeniedError: the caller may not read it.

        POST /v1/ops/publication/rule/list
        """
        value = {"url": public_folder("url", url)}
        return (await self._post(PUBLICATION + "rule/list", value, model_of(RulesResponse.from_json))).rules

    def _url(self, url: StorageUrl) -> str:
        path = parse_storage_url(self._config.origin, url, "publications")
        if path.folder:
            raise InvalidDialURLError("a publication is named by publications/{bucket}/{id}, not by %r" % str(url))
        return path.path


_publication = model_of(Publication.from_json)


def _resource(config: Config, item: Any) -> Dict[str, Any]:
    """A resource of a publication as it is asked for: addresses encoded, what only the server says left out."""
    value = plain(item)
    if not isinstance(value, Mapping):
        raise InvalidRequestError("a resource of a publication is a dict with action, sourceUrl and targetUrl")
    found = {key: part for key, part in value.items() if part is not None and key != "reviewUrl"}
    if "sourceUrl" in found:
        found["sourceUrl"] = resource_url(config, found["sourceUrl"])
    if "targetUrl" in found:
        found["targetUrl"] = target_url(config, found["targetUrl"])
    return found


class Publications(_Publications, Sync):
    """Publications: resources on their way to the public bucket."""


class AsyncPublications(_Publications, Async):
    """Publications: resources on their way to the public bucket."""
