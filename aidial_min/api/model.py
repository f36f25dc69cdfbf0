"""Models as DIAL lists them: capabilities, limits, prices.

It knows /openai/models; it must not know sockets, retries or loops.
"""

from typing import List

from ..core.call import Config, Request, list_of, model_of
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import encode_id
from ..types.model import ModelInfo


def list_models(config: Config) -> "Request[List[ModelInfo]]":
    """All models that the caller may use.

    GET /openai/models
    """
    return Request("GET", "/openai/models", decode=list_of(ModelInfo.from_json, "data"))


def get(config: Config, model_name: str) -> Request[ModelInfo]:
    """One model.

    Args:
        model_name: as `list()` gives it.
    Raises:
        ResourceNotFoundError: there is none. PermissionDeniedError: it is not for the caller.

    GET /openai/models/{id}
    """
    return Request("GET", "/openai/models/" + encode_id(model_name), decode=model_of(ModelInfo.from_json))


class Model(SyncResource):
    """Models that the caller may use."""

    list = sync_method(list_models)
    get = sync_method(get)


class AsyncModel(AsyncResource):
    """Models that the caller may use."""

    list = async_method(list_models)
    get = async_method(get)
