"""An embedded DIAL server: `DialServer` plays DIAL Core on 127.0.0.1, in this process, for tests and first steps.

It is a counterpart of the client and shares no code with it; nothing in the package needs it but the command line.

The way of a request: server.py accepts the connection, http.py reads it, dispatch.py checks it and finds its handler,
which routing.py has declared. A handler gets a `Call`, with the state of the server behind it (state.py); it asks
access.py what the caller may do, and storage.py what is there. Deployments answer in completions.py and responses.py
with what their behaviours say (sdk.py, builtin_deployments.py), or what a test has scripted (script.py).
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
