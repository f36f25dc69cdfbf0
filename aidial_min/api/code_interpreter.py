"""The code interpreter: sessions in which code runs, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Mapping, Optional

from ..core.body import json_body
from ..core.call import Request, as_it_came, list_of, model_of
from ..core.multipart import MultipartBody, file_part
from ..core.operation import Async, Resource, Sync, operation
from ..core.settings import dict_of_call
from ..core.urls import as_text
from ..types.code_interpreter import CodeFile, CodeResult, CodeSession
from ..types.metadata import FileItem
from .arguments import resource_url

if TYPE_CHECKING:
    from ..core.urls import StorageUrl
    from ..transport.downloads import FileDownloadResponse
    from ..types.file import FileTypes

INTERPRETER = "/v1/ops/code_interpreter/"

_session = model_of(CodeSession.from_json)


class _CodeInterpreter(Resource):
    @operation
    async def open_session(self, session_id: Optional[str] = None) -> CodeSession:
        """Open a session.

        Args:
            session_id: to come back to one; None makes a new one.
        Raises:
            PermissionDeniedError: the caller may not run code.

        POST /v1/ops/code_interpreter/open_session
        """
        return await self._post(INTERPRETER + "open_session", {"sessionId": session_id}, _session)

    @operation
    async def get_session(self, session_id: str) -> CodeSession:
        """A session that is open.

        Args:
            session_id: of `open_session`.
        Raises:
            ResourceNotFoundError: there is none.

        POST /v1/ops/code_interpreter/get_session
        """
        return await self._post(INTERPRETER + "get_session", {"sessionId": session_id}, _session)

    @operation
    async def close_session(self, session_id: str) -> CodeSession:
        """Close a session; its files go with it.

        Args:
            session_id: of `open_session`.

        POST /v1/ops/code_interpreter/close_session
        """
        return await self._post(INTERPRETER + "close_session", {"sessionId": session_id}, _session)

    @operation
    async def execute(
        self,
        session_id: str,
        code: str,
        *,
        input_files: Optional[Mapping[str, StorageUrl]] = None,
        output_files: Optional[Mapping[str, StorageUrl]] = None,
    ) -> CodeResult:
        """Run code.

        Args:
            session_id: of `open_session`.
            code: Python.
            input_files: stored files to bring before it runs: path in the session -> address.
            output_files: where to store files after it ran: path in the session -> address.

        POST /v1/ops/code_interpreter/execute_code
        """
        given, wanted = dict_of_call("input_files", input_files), dict_of_call("output_files", output_files)
        sources = [(resource_url(self._config, url), path) for path, url in given.items()]
        targets = [(path, resource_url(self._config, url)) for path, url in wanted.items()]
        value = {
            "sessionId": session_id,
            "code": code,
            "inputFiles": [{"sourceUrl": url, "targetPath": path} for url, path in sources] or None,
            "outputFiles": [{"sourcePath": path, "targetUrl": url} for path, url in targets] or None,
        }
        return await self._post(INTERPRETER + "execute_code", value, model_of(CodeResult.from_json))

    @operation
    async def upload(self, session_id: str, path: str, file: FileTypes) -> CodeFile:
        """Put a file into a session.

        Args:
            session_id: of `open_session`.
            path: where, in the session.
            file: as `files.upload` takes it.

        POST /v1/ops/code_interpreter/upload_file
        """
        name = as_text(path)
        body = MultipartBody([file_part(file, name)._replace(filename=name)])
        query, decode = {"session_id": session_id}, model_of(CodeFile.from_json)
        return await self._call(Request("POST", INTERPRETER + "upload_file", query=query, body=body, decode=decode))

    @operation
    async def download(self, session_id: str, path: str) -> FileDownloadResponse:
        """Read a file of a session, as it comes.

        Args:
            session_id: of `open_session`.
            path: of the file, in the session.
        Returns:
            As `files.download`.

        POST /v1/ops/code_interpreter/download_file
        """
        name = as_text(path)
        body = json_body({"sessionId": session_id, "path": name})
        request = Request("POST", INTERPRETER + "download_file", body=body, decode=as_it_came)
        return await self._client._download(request, name.rpartition("/")[2], True)  # type: ignore[no-any-return]

    @operation
    async def list_files(self, session_id: str) -> List[CodeFile]:
        """The files of a session.

        Args:
            session_id: of `open_session`.

        POST /v1/ops/code_interpreter/list_files
        """
        decode = list_of(CodeFile.from_json, "files")
        return await self._post(INTERPRETER + "list_files", {"sessionId": session_id}, decode)

    @operation
    async def transfer_input(self, session_id: str, source: StorageUrl, path: str) -> CodeFile:
        """Bring a stored file into a session.

        Args:
            session_id: of `open_session`.
            source: address of the file.
            path: where, in the session.

        POST /v1/ops/code_interpreter/transfer_input_file
        """
        url = resource_url(self._config, source, "files")
        value = {"sessionId": session_id, "sourceUrl": url, "targetPath": path}
        return await self._post(INTERPRETER + "transfer_input_file", value, model_of(CodeFile.from_json))

    @operation
    async def transfer_output(self, session_id: str, path: str, destination: StorageUrl) -> FileItem:
        """Store a file of a session.

        Args:
            session_id: of `open_session`.
            path: of the file, in the session.
            destination: where to store it.

        POST /v1/ops/code_interpreter/transfer_output_file
        """
        url = resource_url(self._config, destination, "files")
        value = {"sessionId": session_id, "sourcePath": path, "targetUrl": url}
        return await self._post(INTERPRETER + "transfer_output_file", value, model_of(FileItem.from_json))


class CodeInterpreter(_CodeInterpreter, Sync):
    """Sessions in which code runs."""


class AsyncCodeInterpreter(_CodeInterpreter, Async):
    """Sessions in which code runs."""
