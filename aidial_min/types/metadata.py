"""Metadata of what lies in storage: items, and folders with a page of what is in them; and events about both.

Times are in epoch milliseconds, lengths in bytes; 0 may stand for a length in a listing.
"""

from __future__ import annotations

from typing import Any, List, Literal, Optional, Union

from ._model import Model, dataclass, json_name

__all__ = [
    "StorageResourceTypeV1", "StorageResourceType", "BaseMetadata", "ResourceItemMetadata", "NodeMetadata",
    "ResourceItem", "ResourceMetadata", "FileItem", "FileMetadata", "ConversationItem", "ConversationMetadata",
    "PromptItem", "PromptMetadata",
    "SkillItem", "SkillMetadata", "SkillFileItem", "SkillFileMetadata", "ResourceEvent",
]  # fmt: skip

StorageResourceTypeV1 = Literal["files", "conversations", "prompts"]
"""The areas of storage that `metadata.get` of older clients takes."""

StorageResourceType = Literal["files", "conversations", "prompts", "applications", "toolsets"]
"""The areas of storage that `metadata.get` takes."""


@dataclass
class BaseMetadata(Model):
    """What every node of storage has: its place, ITEM or FOLDER in `node_type`, its `resource_type`.

    `url` is percent-encoded and ends in a slash for folders; `name` and `parent_path` are plain text, None at a
    bucket's root. `permissions` (READ, WRITE, SHARE) come where they were asked for.
    """

    _first = (
        *("name", "parent_path", "bucket", "url", "node_type", "resource_type", "content_length", "content_type"),
        *("items", "updated_at", "etag", "created_at"),
    )

    _texts = ("url", "name", "bucket", "etag", "next_token")

    url: str
    name: Optional[str] = None
    parent_path: Optional[str] = json_name("parentPath")
    bucket: str = ""
    node_type: Union[Literal["FOLDER", "ITEM"], str] = json_name("nodeType")
    resource_type: str = json_name("resourceType")
    permissions: Optional[List[str]] = None


@dataclass
class ResourceItemMetadata(BaseMetadata):
    """One entry of a listing, or a stored item as it was just written; times in epoch milliseconds.

    Entries of a listing lack `etag` and mostly `created_at`. A folder is an entry too.
    """

    created_at: Optional[int] = json_name("createdAt")
    """Epoch milliseconds; mostly missing in listings."""
    updated_at: Optional[int] = json_name("updatedAt")
    """Epoch milliseconds."""
    etag: Optional[str] = None
    """Missing in listings."""
    author: Optional[str] = None
    shared_by: Any = json_name("sharedBy")
    shared_with: Any = json_name("sharedWith")


@dataclass
class NodeMetadata(ResourceItemMetadata):
    """An item asked for by itself, or a folder with one page of its items.

    `next_token` is there while more pages follow; a page may be short, or even empty, before the last.
    """

    next_token: Optional[str] = json_name("nextToken")


@dataclass
class ResourceItem(ResourceItemMetadata):
    """An entry of any resource type; `content_length` and `content_type` are of files.

    PUT /v1/applications/{bucket}/{path}, PUT /v1/toolsets/{bucket}/{path}
    """

    content_length: Optional[int] = json_name("contentLength")
    """Bytes; in listings it may be 0 or stale."""
    content_type: Optional[str] = json_name("contentType")


@dataclass
class ResourceMetadata(NodeMetadata):
    """A node of any resource type; what is shared has its place and `permissions`, no times, no `etag`.

    GET /v1/metadata/applications/{bucket}/{path}, GET /v1/metadata/toolsets/{bucket}/{path},
    POST /v1/ops/publication/resource/list, POST /v1/ops/resource/share/list
    """

    content_length: Optional[int] = json_name("contentLength")
    """Bytes; in listings it may be 0 or stale."""
    content_type: Optional[str] = json_name("contentType")
    items: Optional[List[ResourceItem]] = None


@dataclass
class FileItem(ResourceItem):
    """A file, or a folder in a listing of files; in listings `content_length` may be 0 or stale.

    PUT /v1/files/{bucket}/{path}
    """


@dataclass
class FileMetadata(NodeMetadata):
    """A file, or a folder of files.

    GET /v1/metadata/files/{bucket}/{path}
    """

    content_length: Optional[int] = json_name("contentLength")
    """Bytes; in listings it may be 0 or stale."""
    content_type: Optional[str] = json_name("contentType")
    items: Optional[List[FileItem]] = None


@dataclass
class ConversationItem(ResourceItemMetadata):
    """A conversation, or a folder in a listing of conversations.

    PUT /v1/conversations/{bucket}/{path}
    """


@dataclass
class ConversationMetadata(NodeMetadata):
    """A conversation, or a folder of conversations.

    GET /v1/metadata/conversations/{bucket}/{path}
    """

    content_length: Optional[int] = json_name("contentLength")
    items: Optional[List[ConversationItem]] = None


@dataclass
class PromptItem(ResourceItemMetadata):
    """A prompt, or a folder in a listing of prompts.

    PUT /v1/prompts/{bucket}/{path}
    """


@dataclass
class PromptMetadata(NodeMetadata):
    """A prompt, or a folder of prompts.

    GET /v1/metadata/prompts/{bucket}/{path}
    """

    content_length: Optional[int] = json_name("contentLength")
    items: Optional[List[PromptItem]] = None


@dataclass
class SkillItem(ResourceItemMetadata):
    """A skill (ITEM), or a folder that groups skills (FOLDER)."""


@dataclass
class SkillMetadata(NodeMetadata):
    """A folder of skills.

    GET /v2/metadata/skills/{bucket}/{path}/
    """

    items: Optional[List[SkillItem]] = None


@dataclass
class SkillFileItem(ResourceItemMetadata):
    """A file (ITEM) or a folder (FOLDER) inside a skill."""


@dataclass
class SkillFileMetadata(NodeMetadata):
    """A folder inside a skill.

    GET /v2/metadata/skills/{bucket}/{path}/files
    """

    items: Optional[List[SkillFileItem]] = None


@dataclass
class ResourceEvent(Model):
    """A resource was created, updated or deleted; `timestamp` in epoch milliseconds, no `etag` after DELETE.

    POST /v1/ops/resource/subscribe
    """

    url: str
    action: Union[Literal["CREATE", "UPDATE", "DELETE"], str] = ""
    timestamp: Optional[int] = None
    etag: Optional[str] = None
