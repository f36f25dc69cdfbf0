"""The classes behind `client.files`, `client.chat` and so on, where the official client has them: for annotations.

    from aidial_min.resources import AsyncFiles, Files

Clients make their objects. This module knows the names; it must not define any.
"""

from .api.application import Application, AsyncApplication
from .api.bucket import AsyncBucket, Bucket
from .api.calls import AsyncChat, AsyncChatCompletions, Chat, ChatCompletions
from .api.client_channel import AsyncClientChannel, ClientChannel
from .api.deployments import AsyncDeployments, Deployments
from .api.files import AsyncFiles, Files
from .api.stored import AsyncMetadata, Metadata
from .api.model import AsyncModel, Model
from .api.stored import AsyncPrompts, Prompts
from .api.resource_permissions import AsyncResourcePermissions, ResourcePermissions
from .api.skills import AsyncSkillFilesRef, AsyncSkillsRef, SkillFilesRef, SkillsRef
from .api.toolset import AsyncToolset, Toolset
from .api.user import AsyncUser, User

__all__ = [
    "Application",
    "AsyncApplication",
    "Bucket",
    "AsyncBucket",
    "Chat",
    "AsyncChat",
    "ChatCompletions",
    "AsyncChatCompletions",
    "ClientChannel",
    "AsyncClientChannel",
    "Deployments",
    "AsyncDeployments",
    "Files",
    "AsyncFiles",
    "Metadata",
    "AsyncMetadata",
    "Model",
    "AsyncModel",
    "Prompts",
    "AsyncPrompts",
    "ResourcePermissions",
    "AsyncResourcePermissions",
    "SkillFilesRef",
    "AsyncSkillFilesRef",
    "SkillsRef",
    "AsyncSkillsRef",
    "Toolset",
    "AsyncToolset",
    "User",
    "AsyncUser",
]
