"""Who the caller is.

It knows /v1/user/info; it must not know sockets, retries or loops.
"""

from ..core.call import Config, Request, model_of
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..types.user import UserInfo


def info(config: Config) -> Request[UserInfo]:
    """The roles of the caller, and the project (with an API key) or the user's claims (with a bearer token).

    GET /v1/user/info
    """
    return Request("GET", "/v1/user/info", decode=model_of(UserInfo.from_json))


class User(SyncResource):
    """The caller."""

    info = sync_method(info)


class AsyncUser(AsyncResource):
    """The caller."""

    info = async_method(info)
