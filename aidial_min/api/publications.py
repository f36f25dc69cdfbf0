"""Publications: requests to make resources public, which administrators approve or reject.

It knows /v1/ops/publication; it must not know sockets, retries or loops, nor who is an administrator.
"""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ..core.body import json_body
from ..core.call import Answer, Config, Request, json_value, list_of, model_of, nothing
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import StorageUrl, parse_storage_url
from ..errors import InvalidDialURLError, InvalidRequestError
from ..types._plain import plain
from ..types.metadata import ResourceMetadata
from ..types.publication import (
    Publication,
    PublicationResource,
    PublicationResourceParam,
    Rule,
    RuleParam,
    RulesResponse,
)
from .arguments import list_given, public_folder, resource_url, target_url, type_names

PublicFolder = StorageUrl
"""A public folder, without a type: "public/team/"."""


def create(
    config: Config,
    target_folder: PublicFolder,
    resources: "Sequence[Union[PublicationResource, PublicationResourceParam, Mapping[str, Any]]]" = (),
    rules: "Optional[Sequence[Union[Rule, RuleParam, Mapping[str, Any]]]]" = None,
    *,
    name: Optional[str] = None,
    display_author: Optional[str] = None,
    publish_credentials: Optional[bool] = None,
) -> Request[Publication]:
    """Ask to publish resources, to take published ones back, or to set the rules of a public folder.

    Args:
        target_folder: "public/team/", where the resources shall be.
        resources: dicts as on the wire: `{"action": "ADD", "sourceUrl": ..., "targetUrl": ...}`, or
            `{"action": "DELETE", "targetUrl": ...}` to take one back. Resources, rules or both are needed.
        rules: who may read the folder: dicts `{"source": "roles", "function": "EQUAL", "targets": ["team"]}`.
        name: of the publication.
        display_author: shown as its author. publish_credentials: publish a toolset's credentials, too.
            Core of 2024 knows neither.
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
        "resources": [_resource(config, item) for item in list_given("resources", resources, empty=True)],
        "rules": None if rules is None else [plain(rule) for rule in list_given("rules", rules, empty=True)],
        "displayAuthor": display_author,
        "publishCredentials": publish_credentials,
    }
    if not value["resources"] and rules is None:
        raise InvalidRequestError("a publication needs resources, rules or both")
    return _operate("create", {key: item for key, item in value.items() if item is not None}, _PUBLICATION)


def get(config: Config, url: StorageUrl) -> Request[Publication]:
    """One publication with its resources and rules.

    Args:
        url: "publications/{bucket}/{id}".
    Raises:
        ResourceNotFoundError: there is none. PermissionDeniedError: it is somebody else's.

    POST /v1/ops/publication/get
    """
    return _operate("get", {"url": _url(config, url)}, _PUBLICATION)


def list_publications(config: Config, url: StorageUrl) -> "Request[List[Publication]]":
    """The publications of a bucket, without their resources and rules.

    Args:
        url: "publications/{bucket}/"; for administrators also "publications/public/", the pending ones of all users.

    POST /v1/ops/publication/list
    """
    folder = parse_storage_url(config.origin, url, "publications").as_folder()
    if folder.segments:
        raise InvalidDialURLError("publications are listed by bucket: publications/{bucket}/, not %r" % str(url))
    return _operate("list", {"url": folder.path}, list_of(Publication.from_json, "publications"))


def delete(config: Config, url: StorageUrl) -> Request[None]:
    """Delete a publication; what it made public stays public.

    Args:
        url: "publications/{bucket}/{id}", as `list` gives it.
    Raises:
        ResourceNotFoundError: there is none. PermissionDeniedError: it is somebody else's.

    POST /v1/ops/publication/delete
    """
    return _operate("delete", {"url": _url(config, url)}, nothing)


def approve(config: Config, url: StorageUrl) -> Request[Publication]:
    """Publish what a publication asks for; for administrators.

    Args:
        url: "publications/{bucket}/{id}", as `list` gives it.
    Raises:
        ResourceNotFoundError: there is none, or it is decided already. PermissionDeniedError: not for the caller.

    POST /v1/ops/publication/approve
    """
    return _operate("approve", {"url": _url(config, url)}, _PUBLICATION)


def reject(config: Config, url: StorageUrl, comment: Optional[str] = None) -> Request[Publication]:
    """Reject a publication; for administrators.

    Args:
        url: "publications/{bucket}/{id}", as `list` gives it.
        comment: why; its author is notified.
    Raises:
        ResourceNotFoundError: there is none, or it is decided already. PermissionDeniedError: not for the caller.

    POST /v1/ops/publication/reject
    """
    value = {"url": _url(config, url)}
    if comment is not None:
        value["comment"] = comment
    return _operate("reject", value, _PUBLICATION)


def list_resources(
    config: Config, types: Sequence[str], *, permissions: Optional[bool] = None
) -> "Request[List[ResourceMetadata]]":
    """The caller's own resources that have been published.

    Args:
        types: FILE, CONVERSATION, PROMPT, APPLICATION; newer servers also have TOOL_SET and SKILL.
        permissions: tell what the caller may do with each.

    POST /v1/ops/publication/resource/list
    """
    return Request(
        "POST",
        "/v1/ops/publication/resource/list",
        query={"permissions": permissions},
        body=json_body({"resourceTypes": type_names(types)}),
        decode=list_of(ResourceMetadata.from_json),
    )


def list_rules(config: Config, url: PublicFolder) -> "Request[Dict[str, List[Rule]]]":
    """Who may read a public folder: the rules of it and of the folders around it, by folder.

    Args:
        url: "public/team/", without a type.
    Raises:
        PermissionDeniedError: the caller may not read it.

    POST /v1/ops/publication/rule/list
    """
    return _operate("rule/list", {"url": public_folder("url", url)}, _rules)


_PUBLICATION = model_of(Publication.from_json)


def _rules(answer: Answer) -> Dict[str, List[Rule]]:
    return RulesResponse.from_json(json_value(answer)).rules


def _operate(operation: str, value: Dict[str, Any], decode: Any) -> Request[Any]:
    return Request("POST", "/v1/ops/publication/" + operation, body=json_body(value), decode=decode)


def _url(config: Config, url: StorageUrl) -> str:
    path = parse_storage_url(config.origin, url, "publications")
    if path.folder:
        raise InvalidDialURLError("a publication is named by publications/{bucket}/{id}, not by %r" % str(url))
    return path.path


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


class Publications(SyncResource):
    """Publications: resources on their way to the public bucket."""

    create = sync_method(create)
    get = sync_method(get)
    list = sync_method(list_publications)
    delete = sync_method(delete)
    approve = sync_method(approve)
    reject = sync_method(reject)
    list_resources = sync_method(list_resources)
    list_rules = sync_method(list_rules)


class AsyncPublications(AsyncResource):
    """Publications: resources on their way to the public bucket."""

    create = async_method(create)
    get = async_method(get)
    list = async_method(list_publications)
    delete = async_method(delete)
    approve = async_method(approve)
    reject = async_method(reject)
    list_resources = async_method(list_resources)
    list_rules = async_method(list_rules)
