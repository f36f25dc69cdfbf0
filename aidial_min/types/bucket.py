"""The caller's bucket, as GET /v1/bucket gives it."""

from __future__ import annotations

from typing import Optional

from ..errors import ParsingDataError
from ._model import Model, dataclass

__all__ = ["AppData", "BucketResponse"]


@dataclass
class AppData(Model):
    """The place of an application in its caller's bucket: `{user_bucket}/appdata/{app_name}`.

    `raw` is the path as it came (percent-encoded); `app_name` may contain slashes.
    """

    raw: str
    user_bucket: str
    app_name: str

    @classmethod
    def parse(cls, appdata: str) -> "AppData":
        """Take an appdata path apart.

        Raises:
            ParsingDataError: the text is not `{bucket}/appdata/{name}`.
        """
        user_bucket, _, app_name = appdata.partition("/appdata/")
        if not user_bucket or "/" in user_bucket or not app_name:
            raise ParsingDataError("expected {bucket}/appdata/{name} at appdata", path="appdata")
        return cls(raw=appdata, user_bucket=user_bucket, app_name=app_name)


@dataclass
class BucketResponse(Model):
    """The caller's bucket; `appdata` comes only when an application asks with its per-request key.

    GET /v1/bucket
    """

    bucket: str
    appdata: Optional[str] = None
