"""The classes behind `client.files`, `client.chat` and so on, where the official client has them: for annotations.

    from aidial_min.resources import AsyncFiles, Files

Clients make their objects.
"""

from .api.account import AsyncBucket, AsyncUser, Bucket, User
from .api.calls import AsyncChat, AsyncChatCompletions, Chat, ChatCompletions
from .api.catalog import Application, AsyncApplication, AsyncDeployments, AsyncModel, Deployments, Model
from .api.files import AsyncFiles, Files
from .api.sharing import AsyncResourcePermissions, ResourcePermissions
from .api.skills import AsyncSkillFilesRef, AsyncSkillsRef, SkillFilesRef, SkillsRef
from .api.stored import AsyncMetadata, AsyncPrompts, Metadata, Prompts
from .api.subscriptions import AsyncClientChannel, ClientChannel
from .api.toolsets import AsyncToolset, Toolset

__all__ = ["Application", "Bucket", "Chat", "ChatCompletions", "ClientChannel", "Deployments", "Files", "Metadata"]
__all__ += ["Model", "Prompts", "ResourcePermissions", "SkillFilesRef", "SkillsRef", "Toolset", "User"]
__all__ += ["AsyncApplication", "AsyncBucket", "AsyncChat", "AsyncChatCompletions", "AsyncClientChannel"]
__all__ += ["AsyncDeployments", "AsyncFiles", "AsyncMetadata", "AsyncModel", "AsyncPrompts"]
__all__ += ["AsyncResourcePermissions", "AsyncSkillFilesRef", "AsyncSkillsRef", "AsyncToolset", "AsyncUser"]
