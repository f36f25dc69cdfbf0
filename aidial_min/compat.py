"""Programs written for the official client (aidial-client 0.18.0) run on this package unchanged.

    import aidial_min.compat

    aidial_min.compat.install()                      # before the first `import aidial_client`
    from aidial_client import AsyncDial              # ours
    from aidial_client.types.chat.legacy.chat_completion import Role

Where a program can't be touched, a folder `aidial_client` on its path does the same; its `__init__.py` has two lines:

    from aidial_min.compat import install
    install(__name__)

PATHS lists the modules of 0.18.0 and the names that they define and we have; a module is made when it is imported, and
a name loads what it means when it is used. UNCOVERED lists the other modules, with the reason that an import gives.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Dict, List, Optional, Sequence

_ERRORS = """
    DialException EtagMismatchError InvalidDialURLError InvalidRequestError NotDialURLError ParsingDataError
    ResourceNotFoundError
"""
_AUTH = "AsyncAuthValue SyncAuthValue"
_CONTENT = """
    AssistantMessageParam AttachmentParam CustomContentParam DeveloperMessageParam FunctionMessageParam ImageURLParam
    InputAudioParam InputFileParam Message MessageContentAudioPartParam MessageContentFilePartParam
    MessageContentImagePartParam MessageContentPartParam MessageContentRefusalPartParam MessageContentTextPartParam
    MessageCustomFieldsParam ResponseFormat ResponseFormatJsonObject ResponseFormatJsonSchema
    ResponseFormatJsonSchemaObject ResponseFormatText StageParam SystemMessageParam ToolMessageParam UserMessageParam
"""
_ANSWERS = """
    Attachment ChatCompletionChunk ChatCompletionMessage ChatCompletionMessageDelta ChatCompletionResponse Choice
    ChoiceDelta CompletionTokensDetails CompletionUsage CustomContent PromptTokensDetails Stage Statistics UsagePerModel
"""
_CACHE = "CacheBreakpointParam PromptCacheBreakpointParam PromptCacheOptionsParam"
_REQUEST = "ChatCompletionRequest ChatCompletionRequestCustomFields ReasoningEffort StreamOptions"
_TOOLS = "StaticFunctionParam StaticToolParam ToolCallSpecParam ToolCustomFieldsParam ToolParam"

PATHS: Dict[str, str] = {
    "": _AUTH + _ERRORS + "AsyncDial AsyncDialClientPool Dial DialClientPool ModelInfo ModelLimits ModelPricing "
    "SigninResult ToolsetInfo UserInfo",
    "_auth": _AUTH,
    "_client": "AsyncDial BaseDialClient Dial",
    "_client_pool": "AsyncDialClientPool DialClientPool",
    "_constants": "API_PREFIX_V1 API_PREFIX_V2 DEFAULT_CONNECTION_LIMITS DEFAULT_MAX_RETRIES DEFAULT_TIMEOUT",
    "_exception": _ERRORS,
    "_log": "logger",
    "helpers": "",
    "helpers.storage_resource": "StorageResourceTypeV1",
    "resources": "Application AsyncApplication AsyncBucket AsyncChat AsyncClientChannel AsyncDeployments AsyncFiles "
    "AsyncMetadata AsyncModel AsyncPrompts AsyncResourcePermissions AsyncSkillFilesRef AsyncSkillsRef AsyncToolset "
    "AsyncUser Bucket Chat ClientChannel Deployments Files Metadata Model Prompts ResourcePermissions SkillFilesRef "
    "SkillsRef Toolset User",
    "resources.application": "Application AsyncApplication",
    "resources.bucket": "AsyncBucket Bucket",
    "resources.chat": "AsyncChat AsyncChatCompletions Chat ChatCompletions",
    "resources.chat.completions": "AsyncChatCompletions ChatCompletions",
    "resources.client_channel": "AsyncClientChannel ClientChannel",
    "resources.deployments": "AsyncDeployments Deployments",
    "resources.files": "AsyncFiles Files",
    "resources.metadata": "AsyncMetadata Metadata",
    "resources.model": "AsyncModel Model",
    "resources.prompts": "AsyncPrompts Prompts",
    "resources.resource_permissions": "AsyncResourcePermissions ResourcePermissions",
    "resources.skills": "AsyncSkillFilesRef AsyncSkillsRef SkillFilesRef SkillsRef",
    "resources.toolset": "AsyncToolset Toolset",
    "resources.user": "AsyncUser User",
    "types": "",
    "types.application": "Application ApplicationsResponse",
    "types.bucket": "AppData BucketResponse",
    "types.chat": _ANSWERS + _CACHE + _CONTENT + _REQUEST + " FunctionCallSpecParam FunctionParam " + _TOOLS,
    "types.chat.cache": _CACHE,
    "types.chat.function": "FunctionCallParam FunctionCallSpecParam FunctionParam",
    "types.chat.legacy": "ChatCompletionRequest",
    "types.chat.legacy.chat_completion": "Attachment CustomContent FinishReason FunctionCall Message Role Stage Status "
    "ToolCall",
    "types.chat.request": _REQUEST,
    "types.chat.request_param": _CONTENT + "MessageContentParam",
    "types.chat.response": _ANSWERS + "ChatCompletionMessageToolCall FunctionCall FunctionCallDelta ToolCallDelta",
    "types.chat.tool": _TOOLS + " ToolCallParam",
    "types.client_channel": "SigninResult",
    "types.deployment": "Deployment DeploymentBase DeploymentKind DeploymentName DeploymentsResponse Features "
    "ScaleSettings",
    "types.file": "FileDownloadResponse",
    "types.metadata": "BaseMetadata ConversationItem ConversationMetadata FileItem FileMetadata PromptItem "
    "PromptMetadata ResourceItemMetadata SkillFileItem SkillFileMetadata SkillItem SkillMetadata",
    "types.model": "ModelCapabilities ModelInfo ModelLimits ModelPricing",
    "types.prompt": "Prompt",
    "types.toolset": "ToolsetInfo",
    "types.user": "UserInfo",
}
UNCOVERED: Dict[str, str] = {
    "_compatibility": "which version of pydantic and openai there is does not matter here",
    "_http_client": "requests do not travel through httpx; the arguments of Dial and its pools set what an httpx "
    "client did (proxy=, ca_bundle=, ssl_context=, limits=, timeout=)",
    "_internal_types": "requests and answers of httpx as pydantic models; client.request() sends any request",
    "_utils": "conversions between openai, pydantic and httpx",
    "helpers._url": "one-line helpers on strings",
    "resources.base": "resources are made by clients, with no base class to derive from",
    "types.chat.legacy.application_request": "a request as pydantic model that nothing in 0.18.0 takes",
}


def install(name: str = "aidial_client") -> None:
    """Let imports of `name`, and of the modules below it, find this package.

    Args:
        name: what programs import; for a folder of that name, `install(__name__)` in its `__init__.py`.
    Raises:
        ImportError: the real package has been imported already.
    """
    there = sys.modules.get(name)
    if isinstance(there, _Module):
        return
    if there is not None and (hasattr(there, "Dial") or any(other.startswith(name + ".") for other in sys.modules)):
        message = "%s has been imported already: call aidial_min.compat.install() before its first import" % name
        raise ImportError(message, name=name)
    finder = _Finder(name)
    sys.meta_path.insert(0, finder)
    if there is not None:
        finder.exec_module(there)


class _Finder:
    """Finds the modules of PATHS below one name, and makes them."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, fullname: str, path: Optional[Sequence[str]] = None, target: Any = None) -> Any:
        if fullname != self._name and not fullname.startswith(self._name + "."):
            return None
        place = fullname[len(self._name) + 1 :]
        for uncovered, reason in UNCOVERED.items():
            if place == uncovered or place.startswith(uncovered + "."):
                raise ModuleNotFoundError("aidial_min has no %s: %s" % (fullname, reason), name=fullname)
        is_package = any(other.startswith(place + "." if place else place) for other in PATHS if other != place)
        return ModuleSpec(fullname, self, is_package=is_package) if place in PATHS else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """None: a plain module."""

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Module
        place = module.__name__[len(self._name) + 1 :]
        module.__dict__.update(_place=place, __all__=sorted(set(PATHS[place].split())), __doc__=_Module.__doc__)


class _Module(ModuleType):
    """A module of aidial-client 0.18.0, as aidial_min.compat makes it."""

    _place: str
    __all__: List[str]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_place" not in self.__dict__:
            raise AttributeError(name)
        if (self._place + "." + name).lstrip(".") in PATHS:  # there, importing the package loads all of its modules
            value = import_module("%s.%s" % (self.__name__, name))
        else:
            value = _meaning(self._place, name)
        if value is None:
            raise AttributeError("module %r has no attribute %r" % (self.__name__, name))
        setattr(self, name, value)
        return value

    def __dir__(self) -> List[str]:
        return sorted({*self.__dict__, *self.__all__})


def _meaning(place: str, name: str) -> Any:
    """What a name of one of these modules means here; programs also import what a module imports itself."""
    if place == "_constants":
        return _constants().get(name)
    if place == "_log":
        return import_module("logging").getLogger(__package__)
    if name == "BaseDialClient":
        from . import AsyncDial, Dial

        return next(base for base in AsyncDial.__mro__ if base in Dial.__mro__)
    here = __name__.rpartition(".")[0]
    room = {"resources": ".resources"}.get(place.partition(".")[0], ".types")
    home = ".types.chat.legacy" if place.endswith("legacy.chat_completion") else room
    for module in (here + home, here + ".types", here, "collections.abc"):
        found = getattr(import_module(module), name, None)
        if found is not None and not isinstance(found, ModuleType):
            return found
    return None


def _constants() -> Dict[str, Any]:
    from . import Limits, Timeout

    return {
        "API_PREFIX_V1": "v1/",
        "API_PREFIX_V2": "v2/",
        "DEFAULT_CONNECTION_LIMITS": Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=5.0),
        "DEFAULT_MAX_RETRIES": 2,
        "DEFAULT_TIMEOUT": Timeout(),
    }
