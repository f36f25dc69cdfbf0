"""Programs written for the official client (aidial-client 0.18.0) run on this package unchanged.

    import aidial_min.compat

    aidial_min.compat.install()                      # before the first `import aidial_client`
    from aidial_client import AsyncDial              # ours
    from aidial_client.types.chat.legacy.chat_completion import Role

Where a program can't be touched, a folder `aidial_client` on its path does the same; its `__init__.py` has two lines:

    from aidial_min.compat import install
    install(__name__)

NAMES and HOMES list the modules of 0.18.0 and say which names they have; a module is made when it is imported, and a
name loads what it means when it is used. UNCOVERED lists the other modules, with the reason that an import gives.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Dict, List, Optional, Sequence

from .core.limits import Limits, Timeout

HERE = __name__.rpartition(".")[0]

CONSTANTS: Dict[str, Any] = {
    "API_PREFIX_V1": "v1/",
    "API_PREFIX_V2": "v2/",
    "DEFAULT_CONNECTION_LIMITS": Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=5.0),
    "DEFAULT_MAX_RETRIES": 2,
    "DEFAULT_TIMEOUT": Timeout(),
}

NAMES: Dict[str, str] = {
    "_auth": "AsyncAuthValue SyncAuthValue",
    "_client": "AsyncDial BaseDialClient Dial",
    "_client_pool": "AsyncDialClientPool DialClientPool",
    "_constants": " ".join(CONSTANTS),
    "_log": "logger",
    "helpers": "",
    "helpers.storage_resource": "StorageResourceTypeV1",
    "types.chat.legacy": "ChatCompletionRequest",
    "types.file": "FileDownloadResponse",
}
"""Modules of 0.18.0 that have none here, and the names that they define and we have."""

HOMES: Dict[str, str] = {
    "": "",
    "_exception": ".errors",
    "types.chat.legacy.chat_completion": ".types.chat.legacy",
    **dict.fromkeys(
        "resources resources.application resources.bucket resources.chat resources.chat.completions "
        "resources.client_channel resources.deployments resources.files resources.metadata resources.model "
        "resources.prompts resources.resource_permissions resources.skills resources.toolset resources.user".split(),
        ".resources",
    ),
    **{
        place: "." + place
        for place in "types types.application types.bucket types.chat types.chat.cache types.chat.function "
        "types.chat.request types.chat.request_param types.chat.response types.chat.tool types.client_channel "
        "types.deployment types.metadata types.model types.prompt types.toolset types.user".split()
    },
}
"""The other modules of 0.18.0, and the module here that has their names, and maybe newer ones."""

PATHS = frozenset((*NAMES, *HOMES))
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
        module.__dict__.update(_place=module.__name__[len(self._name) + 1 :], __doc__=_Module.__doc__)


class _Module(ModuleType):
    """A module of aidial-client 0.18.0, as aidial_min.compat makes it."""

    _place: str

    def __getattr__(self, name: str) -> Any:
        if "_place" in self.__dict__ and name == "__all__":
            return _names(self._place)
        if "_place" not in self.__dict__ or name.startswith("__"):
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


def _names(place: str) -> List[str]:
    """The public names of one of these modules."""
    names = NAMES[place].split() if place in NAMES else import_module(HERE + HOMES[place]).__all__
    return [name for name in names if not name.startswith("_")]


def _meaning(place: str, name: str) -> Any:
    """What a name of one of these modules means here; programs also import what a module imports itself."""
    if place == "_constants":
        return CONSTANTS.get(name)
    if (place, name) == ("_log", "logger"):
        return import_module("logging").getLogger(__package__)
    if name == "BaseDialClient":
        from . import AsyncDial, Dial

        return next(base for base in AsyncDial.__mro__ if base in Dial.__mro__)
    for module in (HERE + (HOMES.get(place) or ".types"), HERE + ".types", HERE, "collections.abc"):
        found = getattr(import_module(module), name, None)
        if found is not None and not isinstance(found, ModuleType):
            return found
    return None
