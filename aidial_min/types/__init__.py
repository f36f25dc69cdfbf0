"""Types of everything that DIAL takes and gives: response models and request params, one module per area.

Every public name can be imported from here, and from its own module; importing one area does not load the others.
It knows where names live; it must not define any.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .application import Application as Application
    from .application import ApplicationFunction as ApplicationFunction
    from .application import ApplicationFunctionMapping as ApplicationFunctionMapping
    from .application import ApplicationFunctionMappingParam as ApplicationFunctionMappingParam
    from .application import ApplicationFunctionParam as ApplicationFunctionParam
    from .application import ApplicationLog as ApplicationLog
    from .application import ApplicationLogs as ApplicationLogs
    from .application import ApplicationsResponse as ApplicationsResponse
    from .application import CustomApplication as CustomApplication
    from .application import CustomApplicationParam as CustomApplicationParam
    from .application import DefinedFeatures as DefinedFeatures
    from .bucket import AppData as AppData
    from .bucket import BucketResponse as BucketResponse
    from .chat.cache import CacheBreakpointParam as CacheBreakpointParam
    from .chat.cache import PromptCacheBreakpointParam as PromptCacheBreakpointParam
    from .chat.cache import PromptCacheOptionsParam as PromptCacheOptionsParam
    from .chat.function import FunctionCallParam as FunctionCallParam
    from .chat.function import FunctionCallSpecParam as FunctionCallSpecParam
    from .chat.function import FunctionParam as FunctionParam
    from .chat.request import AddonParam as AddonParam
    from .chat.request import ChatCompletionRequest as ChatCompletionRequest
    from .chat.request import ChatCompletionRequestCustomFields as ChatCompletionRequestCustomFields
    from .chat.request import ChatParams as ChatParams
    from .chat.request import ReasoningEffort as ReasoningEffort
    from .chat.request import StreamOptions as StreamOptions
    from .chat.request_param import AssistantMessageParam as AssistantMessageParam
    from .chat.request_param import AttachmentParam as AttachmentParam
    from .chat.request_param import CustomContentParam as CustomContentParam
    from .chat.request_param import DeveloperMessageParam as DeveloperMessageParam
    from .chat.request_param import FunctionMessageParam as FunctionMessageParam
    from .chat.request_param import ImageURLParam as ImageURLParam
    from .chat.request_param import InputAudioParam as InputAudioParam
    from .chat.request_param import InputFileParam as InputFileParam
    from .chat.request_param import Message as Message
    from .chat.request_param import MessageContentAudioPartParam as MessageContentAudioPartParam
    from .chat.request_param import MessageContentFilePartParam as MessageContentFilePartParam
    from .chat.request_param import MessageContentImagePartParam as MessageContentImagePartParam
    from .chat.request_param import MessageContentParam as MessageContentParam
    from .chat.request_param import MessageContentPartParam as MessageContentPartParam
    from .chat.request_param import MessageContentRefusalPartParam as MessageContentRefusalPartParam
    from .chat.request_param import MessageContentTextPartParam as MessageContentTextPartParam
    from .chat.request_param import MessageCustomFieldsParam as MessageCustomFieldsParam
    from .chat.request_param import ResponseFormat as ResponseFormat
    from .chat.request_param import ResponseFormatJsonObject as ResponseFormatJsonObject
    from .chat.request_param import ResponseFormatJsonSchema as ResponseFormatJsonSchema
    from .chat.request_param import ResponseFormatJsonSchemaObject as ResponseFormatJsonSchemaObject
    from .chat.request_param import ResponseFormatText as ResponseFormatText
    from .chat.request_param import SkillParam as SkillParam
    from .chat.request_param import StageParam as StageParam
    from .chat.request_param import SystemMessageParam as SystemMessageParam
    from .chat.request_param import ToolMessageParam as ToolMessageParam
    from .chat.request_param import UserMessageParam as UserMessageParam
    from .chat.response import Attachment as Attachment
    from .chat.response import ChatCompletionChunk as ChatCompletionChunk
    from .chat.response import ChatCompletionMessage as ChatCompletionMessage
    from .chat.response import ChatCompletionMessageDelta as ChatCompletionMessageDelta
    from .chat.response import ChatCompletionMessageToolCall as ChatCompletionMessageToolCall
    from .chat.response import ChatCompletionResponse as ChatCompletionResponse
    from .chat.response import Choice as Choice
    from .chat.response import ChoiceDelta as ChoiceDelta
    from .chat.response import ChunkEmptyDelta as ChunkEmptyDelta
    from .chat.response import CompletionTokensDetails as CompletionTokensDetails
    from .chat.response import CompletionUsage as CompletionUsage
    from .chat.response import CustomContent as CustomContent
    from .chat.response import FunctionCall as FunctionCall
    from .chat.response import FunctionCallDelta as FunctionCallDelta
    from .chat.response import PromptTokensDetails as PromptTokensDetails
    from .chat.response import Stage as Stage
    from .chat.response import Statistics as Statistics
    from .chat.response import ToolCallDelta as ToolCallDelta
    from .chat.response import UsagePerModel as UsagePerModel
    from .chat.tool import StaticFunctionParam as StaticFunctionParam
    from .chat.tool import StaticToolParam as StaticToolParam
    from .chat.tool import ToolCallParam as ToolCallParam
    from .chat.tool import ToolCallSpecParam as ToolCallSpecParam
    from .chat.tool import ToolCustomFieldsParam as ToolCustomFieldsParam
    from .chat.tool import ToolParam as ToolParam
    from .client_channel import ClientChannelError as ClientChannelError
    from .client_channel import ClientChannelErrorParam as ClientChannelErrorParam
    from .client_channel import ClientChannelRequest as ClientChannelRequest
    from .client_channel import ClientChannelResponse as ClientChannelResponse
    from .client_channel import ClientChannelResponseParam as ClientChannelResponseParam
    from .client_channel import SigninResult as SigninResult
    from .completion import CompletionChoice as CompletionChoice
    from .completion import CompletionChunk as CompletionChunk
    from .completion import CompletionParams as CompletionParams
    from .completion import CompletionPrompt as CompletionPrompt
    from .completion import CompletionResponse as CompletionResponse
    from .conversation import Conversation as Conversation
    from .conversation import ConversationModel as ConversationModel
    from .conversation import ConversationModelParam as ConversationModelParam
    from .conversation import ConversationParam as ConversationParam
    from .deployment import Deployment as Deployment
    from .deployment import DeploymentBase as DeploymentBase
    from .deployment import DeploymentKind as DeploymentKind
    from .deployment import DeploymentName as DeploymentName
    from .deployment import DeploymentsResponse as DeploymentsResponse
    from .deployment import Features as Features
    from .deployment import ScaleSettings as ScaleSettings
    from .embeddings import CustomEmbeddingsInput as CustomEmbeddingsInput
    from .embeddings import Embedding as Embedding
    from .embeddings import EmbeddingsCustomFields as EmbeddingsCustomFields
    from .embeddings import EmbeddingsInput as EmbeddingsInput
    from .embeddings import EmbeddingsParams as EmbeddingsParams
    from .embeddings import EmbeddingsResponse as EmbeddingsResponse
    from .embeddings import EmbeddingsUsage as EmbeddingsUsage
    from .file import AsyncFileDownloadResponse as AsyncFileDownloadResponse
    from .file import FileContent as FileContent
    from .file import FileDownloadResponse as FileDownloadResponse
    from .file import FileTypes as FileTypes
    from .limits import UNLIMITED as UNLIMITED
    from .limits import ItemLimitStats as ItemLimitStats
    from .limits import LimitStats as LimitStats
    from .metadata import ApplicationItem as ApplicationItem
    from .metadata import ApplicationMetadata as ApplicationMetadata
    from .metadata import BaseMetadata as BaseMetadata
    from .metadata import ConversationItem as ConversationItem
    from .metadata import ConversationMetadata as ConversationMetadata
    from .metadata import FileItem as FileItem
    from .metadata import FileMetadata as FileMetadata
    from .metadata import NodeMetadata as NodeMetadata
    from .metadata import PromptItem as PromptItem
    from .metadata import PromptMetadata as PromptMetadata
    from .metadata import ResourceItem as ResourceItem
    from .metadata import ResourceItemMetadata as ResourceItemMetadata
    from .metadata import ResourceMetadata as ResourceMetadata
    from .metadata import SkillFileItem as SkillFileItem
    from .metadata import SkillFileMetadata as SkillFileMetadata
    from .metadata import SkillItem as SkillItem
    from .metadata import SkillMetadata as SkillMetadata
    from .metadata import StorageResourceType as StorageResourceType
    from .metadata import StorageResourceTypeV1 as StorageResourceTypeV1
    from .metadata import ToolsetItem as ToolsetItem
    from .metadata import ToolsetMetadata as ToolsetMetadata
    from .model import ModelCapabilities as ModelCapabilities
    from .model import ModelInfo as ModelInfo
    from .model import ModelLimits as ModelLimits
    from .model import ModelPricing as ModelPricing
    from .model import ModelsResponse as ModelsResponse
    from .notification import Notification as Notification
    from .notification import NotificationsResponse as NotificationsResponse
    from .permission import GrantParams as GrantParams
    from .permission import ReceiverPermissions as ReceiverPermissions
    from .permission import ResourcePermission as ResourcePermission
    from .permission import ResourcePermissionParam as ResourcePermissionParam
    from .permission import ResourcePermissionsResponse as ResourcePermissionsResponse
    from .prompt import Prompt as Prompt
    from .prompt import PromptParam as PromptParam
    from .publication import Publication as Publication
    from .publication import PublicationParam as PublicationParam
    from .publication import PublicationResource as PublicationResource
    from .publication import PublicationResourceParam as PublicationResourceParam
    from .publication import PublicationsResponse as PublicationsResponse
    from .publication import Rule as Rule
    from .publication import RuleParam as RuleParam
    from .publication import RulesResponse as RulesResponse
    from .resource_event import ResourceEvent as ResourceEvent
    from .sharing import Invitation as Invitation
    from .sharing import InvitationsResponse as InvitationsResponse
    from .sharing import SharedResource as SharedResource
    from .sharing import SharedResourcesResponse as SharedResourcesResponse
    from .sharing import ShareLink as ShareLink
    from .sharing import ShareParams as ShareParams
    from .sharing import ShareResourceParam as ShareResourceParam
    from .tokenize import RateParams as RateParams
    from .tokenize import TokenizeInputParam as TokenizeInputParam
    from .tokenize import TokenizeRequestParam as TokenizeRequestParam
    from .tokenize import TokenizeResponse as TokenizeResponse
    from .tokenize import TokenizeResult as TokenizeResult
    from .tokenize import TokenizeStringParam as TokenizeStringParam
    from .tokenize import TruncatePromptInputParam as TruncatePromptInputParam
    from .tokenize import TruncatePromptResponse as TruncatePromptResponse
    from .tokenize import TruncatePromptResult as TruncatePromptResult
    from .toolset import CustomToolset as CustomToolset
    from .toolset import CustomToolsetParam as CustomToolsetParam
    from .toolset import ToolsetAuthSettings as ToolsetAuthSettings
    from .toolset import ToolsetAuthSettingsParam as ToolsetAuthSettingsParam
    from .toolset import ToolsetInfo as ToolsetInfo
    from .toolset import ToolsetsResponse as ToolsetsResponse
    from .user import UserInfo as UserInfo
else:
    _HOMES = {
        "application": """
            Application ApplicationFunction ApplicationFunctionMapping ApplicationFunctionMappingParam
            ApplicationFunctionParam ApplicationLog ApplicationLogs ApplicationsResponse CustomApplication
            CustomApplicationParam DefinedFeatures
        """,
        "bucket": "AppData BucketResponse",
        "chat.cache": "CacheBreakpointParam PromptCacheBreakpointParam PromptCacheOptionsParam",
        "chat.function": "FunctionCallParam FunctionCallSpecParam FunctionParam",
        "chat.request": """
            AddonParam ChatCompletionRequest ChatCompletionRequestCustomFields ChatParams ReasoningEffort
            StreamOptions
        """,
        "chat.request_param": """
            AssistantMessageParam AttachmentParam CustomContentParam DeveloperMessageParam FunctionMessageParam
            ImageURLParam InputAudioParam InputFileParam Message MessageContentAudioPartParam
            MessageContentFilePartParam MessageContentImagePartParam MessageContentParam MessageContentPartParam
            MessageContentRefusalPartParam MessageContentTextPartParam MessageCustomFieldsParam ResponseFormat
            ResponseFormatJsonObject ResponseFormatJsonSchema ResponseFormatJsonSchemaObject ResponseFormatText
            SkillParam StageParam SystemMessageParam ToolMessageParam UserMessageParam
        """,
        "chat.response": """
            Attachment ChatCompletionChunk ChatCompletionMessage ChatCompletionMessageDelta
            ChatCompletionMessageToolCall ChatCompletionResponse Choice ChoiceDelta ChunkEmptyDelta
            CompletionTokensDetails CompletionUsage CustomContent FunctionCall FunctionCallDelta PromptTokensDetails
            Stage Statistics ToolCallDelta UsagePerModel
        """,
        "chat.tool": """
            StaticFunctionParam StaticToolParam ToolCallParam ToolCallSpecParam ToolCustomFieldsParam ToolParam
        """,
        "client_channel": """
            ClientChannelError ClientChannelErrorParam ClientChannelRequest ClientChannelResponse
            ClientChannelResponseParam SigninResult
        """,
        "completion": "CompletionChoice CompletionChunk CompletionParams CompletionPrompt CompletionResponse",
        "conversation": "Conversation ConversationModel ConversationModelParam ConversationParam",
        "deployment": """
            Deployment DeploymentBase DeploymentKind DeploymentName DeploymentsResponse Features ScaleSettings
        """,
        "embeddings": """
            CustomEmbeddingsInput Embedding EmbeddingsCustomFields EmbeddingsInput EmbeddingsParams
            EmbeddingsResponse EmbeddingsUsage
        """,
        "file": "AsyncFileDownloadResponse FileContent FileDownloadResponse FileTypes",
        "limits": "ItemLimitStats LimitStats UNLIMITED",
        "metadata": """
            ApplicationItem ApplicationMetadata BaseMetadata ConversationItem ConversationMetadata FileItem
            FileMetadata NodeMetadata PromptItem PromptMetadata ResourceItem ResourceItemMetadata ResourceMetadata
            SkillFileItem SkillFileMetadata SkillItem SkillMetadata StorageResourceType StorageResourceTypeV1
            ToolsetItem ToolsetMetadata
        """,
        "model": "ModelCapabilities ModelInfo ModelLimits ModelPricing ModelsResponse",
        "notification": "Notification NotificationsResponse",
        "permission": """
            GrantParams ReceiverPermissions ResourcePermission ResourcePermissionParam ResourcePermissionsResponse
        """,
        "prompt": "Prompt PromptParam",
        "publication": """
            Publication PublicationParam PublicationResource PublicationResourceParam PublicationsResponse Rule
            RuleParam RulesResponse
        """,
        "resource_event": "ResourceEvent",
        "sharing": """
            Invitation InvitationsResponse ShareLink ShareParams ShareResourceParam SharedResource
            SharedResourcesResponse
        """,
        "tokenize": """
            RateParams TokenizeInputParam TokenizeRequestParam TokenizeResponse TokenizeResult TokenizeStringParam
            TruncatePromptInputParam TruncatePromptResponse TruncatePromptResult
        """,
        "toolset": """
            CustomToolset CustomToolsetParam ToolsetAuthSettings ToolsetAuthSettingsParam ToolsetInfo
            ToolsetsResponse
        """,
        "user": "UserInfo",
    }
    _MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}
    __all__ = sorted(_MODULES)

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        from importlib import import_module

        value = globals()[name] = getattr(import_module("." + _MODULES[name], __name__), name)
        return value

    def __dir__():
        return sorted([*globals(), *_MODULES])
