"""How clients and pools pickle: their settings travel to another process, sockets and caches never do.

The copy opens connections of its own, also where the original shared those of a pool. A pickle holds the credential
as it is, so treat it like one.
It knows what a client is made of; it must not know sockets, loops or the engines that move pickles.
"""

import sys
from functools import cached_property
from typing import Any, Dict

from ..errors import ConfigurationError
from .connection import ConnectionSettings


class Portable:
    """The base of what pickles by its settings."""

    _transport: Any

    @staticmethod
    def _new_transport(settings: ConnectionSettings) -> Any:
        """The shell that carries out requests, without a connection yet."""
        raise NotImplementedError

    def _kept(self) -> Dict[str, Any]:
        """What a copy takes over: all attributes but the resources bound to this object and what it asked once."""
        cls = type(self)
        return {
            name: value
            for name, value in self.__dict__.items()
            if not name.startswith("_my_") and not isinstance(getattr(cls, name, None), cached_property)
        }

    def __getstate__(self) -> Dict[str, Any]:
        """The settings, and whatever a subclass keeps.

        Raises:
            ConfigurationError: a credential or an ssl_context that can't travel; it says which.
        """
        state = self._kept()
        settings: ConnectionSettings = state.pop("_transport").settings
        if settings.ssl_context is not None:
            raise ConfigurationError(
                "a client with an ssl_context can't be pickled: use ca_bundle= and client_cert= instead, "
                "or make the client where it is used"
            )
        if "_config" in state:
            _check_credential(state["_config"].credential)
        if "_owns_transport" in state:
            state["_owns_transport"] = True  # nobody else closes the connections of the copy
        return {**state, "_settings": settings}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._transport = self._new_transport(self.__dict__.pop("_settings"))


def _check_credential(credential: Any) -> None:
    if not callable(credential.value) or _pickles(credential.value):
        return
    raise ConfigurationError(
        "the client can't be pickled, because the function given as %s can't: use one that is defined at the top of an "
        "importable module, or make the client where it is used" % credential.kind
    )  # what pickle itself says may hold the credential, e.g. in the repr of a partial


def _pickles(value: Any) -> bool:
    import pickle

    # cloudpickle, with which Dask, Ray and Spark pickle what pickle can't, is asked too where it is in use.
    for module in (pickle, sys.modules.get("cloudpickle")):
        if module is not None:
            try:
                module.dumps(value)
                return True
            except Exception:  # whatever a value's own __reduce__ raises
                pass
    return False
