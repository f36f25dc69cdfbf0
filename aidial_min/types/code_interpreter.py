"""Sessions of the code interpreter, what ran in them, and their files."""

from __future__ import annotations

from typing import Any, Optional

from ._model import Model, dataclass, json_name

__all__ = ["CodeSession", "CodeResult", "CodeFile"]


@dataclass
class CodeSession(Model):
    """A session: a place where code runs and keeps its files.

    POST /v1/ops/code_interpreter/open_session
    """

    session_id: str = json_name("sessionId", required=True)
    deployment_type: Optional[str] = json_name("deploymentType")


@dataclass
class CodeResult(Model):
    """What code wrote and gave; `result` and `display` are any JSON.

    POST /v1/ops/code_interpreter/execute_code
    """

    status: Optional[str] = None
    stdout: Optional[str] = None
    stderr: Optional[str] = None
    result: Any = None
    display: Any = None


@dataclass
class CodeFile(Model):
    """A file of a session; `size` in bytes.

    POST /v1/ops/code_interpreter/list_files
    """

    path: Optional[str] = None
    size: Optional[int] = None
