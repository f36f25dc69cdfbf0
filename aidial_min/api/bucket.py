"""The caller's bucket in DIAL's storage, and the application's writable area in it.

It knows /v1/bucket; it must not know sockets, retries or loops.
"""

from typing import Optional

from ..core.call import Config, Flow, Request, model_of
from ..core.tables import AsyncResource, SyncResource, async_flow, async_method, sync_flow, sync_method
from ..types.bucket import AppData, BucketResponse


def get_raw(config: Config) -> Request[BucketResponse]:
    """The bucket of these credentials (`.bucket`), and `.appdata` inside an application.

    GET /v1/bucket
    """
    return Request("GET", "/v1/bucket", decode=model_of(BucketResponse.from_json))


def get_bucket(config: Config) -> Flow[str]:
    """The name of the caller's bucket.

    GET /v1/bucket
    """
    answer = yield get_raw(config)
    return answer.bucket  # type: ignore[no-any-return]  # a flow is sent Any


def get_appdata(config: Config) -> Flow[Optional[AppData]]:
    """Where an application may write in the bucket of its user; None outside an application.

    GET /v1/bucket
    """
    answer = yield get_raw(config)
    return AppData.parse(answer.appdata) if answer.appdata else None


class Bucket(SyncResource):
    """The caller's bucket."""

    get_raw = sync_method(get_raw)
    get_bucket = sync_flow(get_bucket)
    get_appdata = sync_flow(get_appdata)


class AsyncBucket(AsyncResource):
    """The caller's bucket."""

    get_raw = async_method(get_raw)
    get_bucket = async_flow(get_bucket)
    get_appdata = async_flow(get_appdata)
