"""Request params of chat messages, their content parts and attachments, and of the answer's format."""

from typing import TYPE_CHECKING, Any, Dict, List, Literal, Mapping, Optional, Sequence, TypedDict, Union

from .cache import CacheBreakpointParam, PromptCacheBreakpointParam
from .function import FunctionCallParam
from .tool import ToolCallParam

if TYPE_CHECKING:
    from .response import (
        Attachment,
        ChatCompletionMessage,
        ChatCompletionMessageToolCall,
        CustomContent,
        FunctionCall,
        Stage,
    )
else:  # an answer is a mapping, too, and its models are not loaded for a name
    Attachment = ChatCompletionMessage = ChatCompletionMessageToolCall = CustomContent = FunctionCall = Stage = Mapping

__all__ = [
    "ResponseFormatText", "ResponseFormatJsonObject", "ResponseFormatJsonSchemaObject", "ResponseFormatJsonSchema",
    "ResponseFormat", "AttachmentParam", "StageParam", "SkillParam", "CustomContentParam", "MessageCustomFieldsParam",
    "MessageContentTextPartParam", "ImageURLParam", "MessageContentImagePartParam", "InputFileParam",
    "MessageContentFilePartParam", "InputAudioParam", "MessageContentAudioPartParam", "MessageContentRefusalPartParam",
    "MessageContentPartParam", "MessageContentParam", "SystemMessageParam", "DeveloperMessageParam",
    "UserMessageParam", "AssistantMessageParam", "ToolMessageParam", "FunctionMessageParam", "Message",
]  # fmt: skip


class ResponseFormatText(TypedDict):
    """Ask for plain text."""

    type: Literal["text"]


class ResponseFormatJsonObject(TypedDict):
    """Ask for some JSON object."""

    type: Literal["json_object"]


class _JsonSchemaOptions(TypedDict, total=False):
    description: Optional[str]
    strict: Optional[bool]


class ResponseFormatJsonSchemaObject(_JsonSchemaOptions):
    """A named JSON schema for the answer."""

    name: str
    schema: Dict[str, Any]


class ResponseFormatJsonSchema(TypedDict):
    """Ask for JSON that is valid against a schema."""

    type: Literal["json_schema"]
    json_schema: ResponseFormatJsonSchemaObject


ResponseFormat = Union[ResponseFormatText, ResponseFormatJsonObject, ResponseFormatJsonSchema]
"""What `response_format` takes."""


class AttachmentParam(TypedDict, total=False):
    """An attachment: exactly one of `data` (text, or base64 of bytes) and `url` (`files/{bucket}/...` or absolute)."""

    type: Optional[str]  # MIME type; the server assumes text/markdown
    title: Optional[str]
    data: Optional[str]
    url: Optional[str]
    reference_type: Optional[str]
    reference_url: Optional[str]


class _StageOptions(TypedDict, total=False):
    content: Optional[str]
    attachments: Optional[Sequence[Union[AttachmentParam, Attachment]]]
    parent_stage_index: Optional[int]


class StageParam(_StageOptions):
    """A stage of an earlier answer, sent back as it came."""

    name: str
    status: Literal["completed", "failed"]


class SkillParam(TypedDict):
    """A skill that a message refers to."""

    url: str  # skills/{bucket}/{path}


class CustomContentParam(TypedDict, total=False):
    """DIAL's own content of a message; send the assistant's `state` back with its message."""

    stages: Optional[Sequence[Union[StageParam, Stage]]]
    attachments: Optional[Sequence[Union[AttachmentParam, Attachment]]]
    state: Any
    form_value: Optional[Any]
    form_schema: Optional[Any]
    skills: Optional[List[SkillParam]]


class MessageCustomFieldsParam(TypedDict, total=False):
    """DIAL's own settings of a message."""

    cache_breakpoint: Optional[CacheBreakpointParam]


class _PartOptions(TypedDict, total=False):
    prompt_cache_breakpoint: Optional[PromptCacheBreakpointParam]


class MessageContentTextPartParam(_PartOptions):
    """A piece of text in a message."""

    type: Literal["text"]
    text: str


class _ImageURLOptions(TypedDict, total=False):
    detail: Optional[Literal["auto", "low", "high"]]


class ImageURLParam(_ImageURLOptions):
    """Where an image is: `files/{bucket}/...`, an absolute URL or a `data:` URL."""

    url: str


class MessageContentImagePartParam(_PartOptions):
    """An image in a message."""

    type: Literal["image_url"]
    image_url: ImageURLParam


class InputFileParam(TypedDict, total=False):
    """A file in a message: its data (base64) or the id of an uploaded one."""

    file_data: Optional[str]
    file_id: Optional[str]
    filename: Optional[str]


class MessageContentFilePartParam(_PartOptions):
    """A file in a message."""

    type: Literal["file"]
    file: InputFileParam


class InputAudioParam(TypedDict):
    """Sound in a message."""

    data: str  # base64
    format: str  # wav, mp3 or what else the model takes


class MessageContentAudioPartParam(_PartOptions):
    """Sound in a message."""

    type: Literal["input_audio"]
    input_audio: InputAudioParam


class MessageContentRefusalPartParam(TypedDict):
    """A refusal of the model, sent back."""

    type: Literal["refusal"]
    refusal: str


MessageContentPartParam = Union[
    MessageContentTextPartParam,
    MessageContentImagePartParam,
    MessageContentFilePartParam,
    MessageContentAudioPartParam,
    MessageContentRefusalPartParam,
]
"""One element of a message's `content`, where that is a list."""

MessageContentParam = Union[str, List[MessageContentPartParam]]
"""The `content` of a message."""


class _CustomOptions(TypedDict, total=False):
    custom_content: Union[CustomContentParam, CustomContent, None]
    custom_fields: Optional[MessageCustomFieldsParam]


class _NameOptions(_CustomOptions, total=False):
    name: Optional[str]


class SystemMessageParam(_NameOptions):
    """Instructions to the model."""

    role: Literal["system"]
    content: MessageContentParam


class DeveloperMessageParam(_NameOptions):
    """Instructions to the model, as newer models call them."""

    role: Literal["developer"]
    content: MessageContentParam


class UserMessageParam(_NameOptions):
    """What the user says."""

    role: Literal["user"]
    content: MessageContentParam


class _AssistantOptions(_NameOptions, total=False):
    content: Optional[MessageContentParam]
    function_call: Union[FunctionCallParam, FunctionCall, None]
    tool_calls: Optional[Sequence[Union[ToolCallParam, ChatCompletionMessageToolCall]]]
    refusal: Optional[str]


class AssistantMessageParam(_AssistantOptions):
    """What the model said before."""

    role: Literal["assistant"]


class ToolMessageParam(_CustomOptions):
    """The result of a tool call."""

    role: Literal["tool"]
    content: MessageContentParam
    tool_call_id: str


class FunctionMessageParam(_CustomOptions):
    """The result of a function call; `name` is the function's."""

    role: Literal["function"]
    content: MessageContentParam
    name: str


# An answer's message may be appended to `messages` as it is, and a dict without annotation is any mapping to checkers.
Message = Union[
    SystemMessageParam,
    DeveloperMessageParam,
    UserMessageParam,
    AssistantMessageParam,
    ToolMessageParam,
    FunctionMessageParam,
    ChatCompletionMessage,
    Mapping[str, Any],
]
"""One element of `messages`."""
