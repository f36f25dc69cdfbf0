"""Publications: requests to make resources public, and the rules that say for whom; times in epoch milliseconds."""

from __future__ import annotations

from typing import Dict, List, Optional

from ._model import Model, dataclass, field, json_name

__all__ = ["Rule", "PublicationResource", "Publication", "RulesResponse"]


@dataclass
class Rule(Model):
    """Who may read a public folder: those whose claim `source` meets `function` with one of `targets`.

    `function`: EQUAL, CONTAIN, REGEX, TRUE or FALSE.
    """

    function: Optional[str] = None
    source: Optional[str] = None
    targets: List[str] = field(default_factory=list)


@dataclass
class PublicationResource(Model):
    """A resource of a publication; `action`: ADD, ADD_IF_ABSENT or DELETE. `review_url` is the copy to look at."""

    action: Optional[str] = None
    source_url: Optional[str] = json_name("sourceUrl")
    target_url: Optional[str] = json_name("targetUrl")
    review_url: Optional[str] = json_name("reviewUrl")


@dataclass
class Publication(Model):
    """A publication; `status`: PENDING, APPROVED or REJECTED; `created_at` in epoch milliseconds.

    In a list of publications `resources` and `rules` are missing.

    POST /v1/ops/publication/create, get, approve, reject
    """

    url: str
    name: Optional[str] = None
    target_folder: Optional[str] = json_name("targetFolder")
    status: Optional[str] = None
    created_at: Optional[int] = json_name("createdAt")
    resources: Optional[List[PublicationResource]] = None
    resource_types: Optional[List[str]] = json_name("resourceTypes")
    rules: Optional[List[Rule]] = None
    author: Optional[str] = None
    display_author: Optional[str] = json_name("displayAuthor")
    publish_credentials: Optional[bool] = json_name("publishCredentials")
    etag: Optional[str] = None


@dataclass
class RulesResponse(Model):
    """The rules of a public folder and of its parents, by folder.

    POST /v1/ops/publication/rule/list
    """

    rules: Dict[str, List[Rule]] = field(default_factory=dict)
