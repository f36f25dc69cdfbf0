"""Request params of chat messages, their content parts and attachments, and of the answer's format."""

from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, TypedDict, Union

from .cache import CacheBreakpointParam, PromptCacheBreakpointParam
from .function import FunctionCallParam
from .tool import ToolCallParam

if TYPE_CHECKING:
    from .response import ChatCompletionMessage

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

    type: str  # MIME type; the server assumes text/markdown
    title: str
    data: str
    url: str
    reference_type: str
    reference_url: str


class _StageOptions(TypedDict, total=False):
    content: Optional[str]
    attachments: Optional[List[AttachmentParam]]
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

    stages: Optional[List[StageParam]]
    attachments: Optional[List[AttachmentParam]]
    state: Optional[Dict[str, Any]]
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
    custom_content: Optional[CustomContentParam]
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
    function_call: Optional[FunctionCallParam]
    tool_calls: List[ToolCallParam]
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


if TYPE_CHECKING:
    Message = Union[
        SystemMessageParam,
        DeveloperMessageParam,
        UserMessageParam,
        AssistantMessageParam,
        ToolMessageParam,
        FunctionMessageParam,
        ChatCompletionMessage,
    ]
else:
    # An answer's message may be appended to `messages` as it is; its class is not loaded for that.
    Message = Union[
        SystemMessageParam,
        DeveloperMessageParam,
        UserMessageParam,
        AssistantMessageParam,
        ToolMessageParam,
        FunctionMessageParam,
    ]
