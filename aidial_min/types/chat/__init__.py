"""Types of chat completions: params of requests, models of answers.

Every public name of its modules can be imported from here; a module is loaded when one of its names is asked for.
It knows where names live; it must not define any.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cache import CacheBreakpointParam as CacheBreakpointParam
    from .cache import PromptCacheBreakpointParam as PromptCacheBreakpointParam
    from .cache import PromptCacheOptionsParam as PromptCacheOptionsParam
    from .function import FunctionCallParam as FunctionCallParam
    from .function import FunctionCallSpecParam as FunctionCallSpecParam
    from .function import FunctionParam as FunctionParam
    from .request import AddonParam as AddonParam
    from .request import ChatCompletionRequest as ChatCompletionRequest
    from .request import ChatCompletionRequestCustomFields as ChatCompletionRequestCustomFields
    from .request import ChatParams as ChatParams
    from .request import ReasoningEffort as ReasoningEffort
    from .request import StreamOptions as StreamOptions
    from .request_param import AssistantMessageParam as AssistantMessageParam
    from .request_param import AttachmentParam as AttachmentParam
    from .request_param import CustomContentParam as CustomContentParam
    from .request_param import DeveloperMessageParam as DeveloperMessageParam
    from .request_param import FunctionMessageParam as FunctionMessageParam
    from .request_param import ImageURLParam as ImageURLParam
    from .request_param import InputAudioParam as InputAudioParam
    from .request_param import InputFileParam as InputFileParam
    from .request_param import Message as Message
    from .request_param import MessageContentAudioPartParam as MessageContentAudioPartParam
    from .request_param import MessageContentFilePartParam as MessageContentFilePartParam
    from .request_param import MessageContentImagePartParam as MessageContentImagePartParam
    from .request_param import MessageContentParam as MessageContentParam
    from .request_param import MessageContentPartParam as MessageContentPartParam
    from .request_param import MessageContentRefusalPartParam as MessageContentRefusalPartParam
    from .request_param import MessageContentTextPartParam as MessageContentTextPartParam
    from .request_param import MessageCustomFieldsParam as MessageCustomFieldsParam
    from .request_param import ResponseFormat as ResponseFormat
    from .request_param import ResponseFormatJsonObject as ResponseFormatJsonObject
    from .request_param import ResponseFormatJsonSchema as ResponseFormatJsonSchema
    from .request_param import ResponseFormatJsonSchemaObject as ResponseFormatJsonSchemaObject
    from .request_param import ResponseFormatText as ResponseFormatText
    from .request_param import SkillParam as SkillParam
    from .request_param import StageParam as StageParam
    from .request_param import SystemMessageParam as SystemMessageParam
    from .request_param import ToolMessageParam as ToolMessageParam
    from .request_param import UserMessageParam as UserMessageParam
    from .response import Attachment as Attachment
    from .response import ChatCompletionChunk as ChatCompletionChunk
    from .response import ChatCompletionMessage as ChatCompletionMessage
    from .response import ChatCompletionMessageDelta as ChatCompletionMessageDelta
    from .response import ChatCompletionMessageToolCall as ChatCompletionMessageToolCall
    from .response import ChatCompletionResponse as ChatCompletionResponse
    from .response import Choice as Choice
    from .response import ChoiceDelta as ChoiceDelta
    from .response import ChunkEmptyDelta as ChunkEmptyDelta
    from .response import CompletionTokensDetails as CompletionTokensDetails
    from .response import CompletionUsage as CompletionUsage
    from .response import CustomContent as CustomContent
    from .response import FunctionCall as FunctionCall
    from .response import FunctionCallDelta as FunctionCallDelta
    from .response import PromptTokensDetails as PromptTokensDetails
    from .response import Stage as Stage
    from .response import Statistics as Statistics
    from .response import ToolCallDelta as ToolCallDelta
    from .response import UsagePerModel as UsagePerModel
    from .tool import StaticFunctionParam as StaticFunctionParam
    from .tool import StaticToolParam as StaticToolParam
    from .tool import ToolCallParam as ToolCallParam
    from .tool import ToolCallSpecParam as ToolCallSpecParam
    from .tool import ToolCustomFieldsParam as ToolCustomFieldsParam
    from .tool import ToolParam as ToolParam
else:
    _HOMES = {
        "cache": "CacheBreakpointParam PromptCacheBreakpointParam PromptCacheOptionsParam",
        "function": "FunctionCallParam FunctionCallSpecParam FunctionParam",
        "request": """
            AddonParam ChatCompletionRequest ChatCompletionRequestCustomFields ChatParams ReasoningEffort
            StreamOptions
        """,
        "request_param": """
            AssistantMessageParam AttachmentParam CustomContentParam DeveloperMessageParam FunctionMessageParam
            ImageURLParam InputAudioParam InputFileParam Message MessageContentAudioPartParam
            MessageContentFilePartParam MessageContentImagePartParam MessageContentParam MessageContentPartParam
            MessageContentRefusalPartParam MessageContentTextPartParam MessageCustomFieldsParam ResponseFormat
            ResponseFormatJsonObject ResponseFormatJsonSchema ResponseFormatJsonSchemaObject ResponseFormatText
            SkillParam StageParam SystemMessageParam ToolMessageParam UserMessageParam
        """,
        "response": """
            Attachment ChatCompletionChunk ChatCompletionMessage ChatCompletionMessageDelta
            ChatCompletionMessageToolCall ChatCompletionResponse Choice ChoiceDelta ChunkEmptyDelta
            CompletionTokensDetails CompletionUsage CustomContent FunctionCall FunctionCallDelta PromptTokensDetails
            Stage Statistics ToolCallDelta UsagePerModel
        """,
        "tool": """
            StaticFunctionParam StaticToolParam ToolCallParam ToolCallSpecParam ToolCustomFieldsParam ToolParam
        """,
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
