"""An embedded DIAL server: `DialServer` plays DIAL Core on 127.0.0.1, in this process, for tests and first steps.

It is a counterpart of the client and shares no code with it; nothing in the package needs it but the command line.
"""

from .builtin_deployments import default_deployments
from .deployments import Deployment
from .script import RecordedRequest
from .sdk import HEARTBEAT, AppError, ChatRequest, Finish
from .server import DialServer

__all__ = [
    "AppError", "ChatRequest", "Deployment", "DialServer", "Finish", "HEARTBEAT", "RecordedRequest",
    "default_deployments",
]  # fmt: skip
