"""What a question is made of: its text, its parameters, its deployment, and the files that go with it."""

import argparse
import difflib
import json
import mimetypes
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Sequence
from urllib.parse import unquote, urlsplit

from ..errors import ResourceNotFoundError
from .exit_codes import UsageError
from .remote import encode, resolve, size_of, store, stored_name
from .terminal import dim, is_terminal, note, read_bytes, visible, word

FOLDER = "attachments"
FOLDER_TYPE = "application/vnd.dial.metadata+json"
"""The type of an attachment that is a folder of DIAL's storage."""

NO_PARAMETERS = ("messages", "stream", "deployment_name", "timeout", "max_retries")
"""What `-o` must not change: other options say it."""


def prompt_of(arguments: argparse.Namespace) -> str:
    """The prompt from the command line, stdin ("-", or where it is no terminal), or both.

    Raises:
        UsageError: there is none, or stdin holds something else than text.
    """
    given = word(arguments.prompt) if arguments.prompt not in (None, "-") else ""
    context = ""
    if "-" not in (arguments.file or ()):  # else stdin is attached
        wanted = arguments.prompt in (None, "-")
        if is_terminal(sys.stdin) and wanted:
            note("Type the prompt; Ctrl-D at the beginning of a line ends it.")
        if wanted or not is_terminal(sys.stdin):
            context = text_of(read_bytes()).strip("\n")
    prompt = "\n\n".join(part for part in (context, given) if part.strip())
    if not prompt:
        raise UsageError("no prompt: write it after the command, or send it on stdin")
    return prompt


def text_of(data: bytes) -> str:
    """What came on stdin as text: UTF-8 whatever the locale says, or UTF-16 with its mark.

    Raises:
        UsageError: it is neither: a model would be asked, and paid, for garbled words.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        found = "byte 0x%02x at %d" % (data[error.start], error.start)
    else:
        if "\0" not in text:
            return text.replace("\r\n", "\n")
        found = "a NUL"
    raise UsageError(
        "stdin is no text in UTF-8 (%s): convert it, e.g. iconv -f LATIN1 -t UTF-8; -f - attaches it as it is" % found
    )


def callable_ids(client: Any) -> List[str]:
    """Ids of the models and applications that answer chats."""
    found = []
    try:
        for model in client.model.list():
            if model.capabilities is None or model.capabilities.chat_completion is not False:
                found.append(model.id)
    except ResourceNotFoundError:  # a server without this listing
        pass
    return sorted({*found, *(application.id for application in client.application.list())})


def refuse_to_choose(client: Any) -> str:
    """The only deployment there is.

    Raises:
        UsageError: there are several, or none: whoever pays for the answer chooses.
    """
    ids = callable_ids(client)
    if len(ids) == 1:
        return ids[0]
    shown = ", ".join(ids[:20]) + (", ..." if len(ids) > 20 else "")
    raise UsageError("name a deployment with -d, or set DIAL_DEPLOYMENT; there are: %s" % (shown or "none for you"))


# ---------------------------------------------------------------- parameters


def parameters_of(arguments: argparse.Namespace) -> Dict[str, Any]:
    """What -o, --max-tokens and --schema say.

    Raises:
        UsageError: a file that is not JSON, or a name that is none of a parameter.
    """
    found: Dict[str, Any] = {}
    for name, text in arguments.parameter or ():
        if name in NO_PARAMETERS:
            raise UsageError("-o can't set %s; see --help for what does" % name)
        _warn_of_slip(name)
        found[name] = _value(text)
    if arguments.max_tokens is not None:
        found["max_tokens"] = arguments.max_tokens
    if arguments.schema:
        found["response_format"] = response_format(arguments.schema)
    return found


def _warn_of_slip(name: str) -> None:
    """A name that is nearly one of the known parameters is sent all the same: a deployment may know more of them."""
    from ..types.chat.request import ChatParams

    known = ChatParams.__annotations__
    close = difflib.get_close_matches(name, known, 1, 0.8)
    if close and name not in known:
        note(dim("(-o %s: sent as it is; did you mean %s?)" % (visible(name), close[0])))


def _value(text: str) -> Any:
    """A parameter's value: JSON, of a file if it is written @FILE, or else the text itself."""
    if text.startswith("@"):
        return _json_file(text[1:])
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return word(text)


def _json_file(path: str) -> Any:
    try:
        return json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise UsageError("%s is not JSON: %s" % (word(path), error)) from None


def response_format(given: str) -> Dict[str, Any]:
    """The response format for a JSON Schema: of a file, as JSON, or wrapped already as the API wants it."""
    schema = _value(given) if given.lstrip().startswith("{") else _json_file(given)
    if not isinstance(schema, dict):
        raise UsageError('--schema: a JSON Schema is an object like {"type": "object", ...}')
    if schema.get("type") == "json_schema":
        return schema
    if "schema" in schema and "name" in schema:
        return {"type": "json_schema", "json_schema": schema}
    name = re.sub(r"\W+", "_", str(schema.get("title") or "answer"), flags=re.ASCII)[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


# ---------------------------------------------------------------- attachments


def check_files(names: Sequence[str]) -> List[str]:
    """The files to attach, looked at before anything is sent.

    Raises:
        UsageError: a folder. OSError: not there, or not readable.
    """
    for name in names:
        if not _is_elsewhere(name) and name != "-":
            path = Path(name)
            if path.is_dir():
                raise UsageError("%s is a folder; attach its files" % word(name))
            if size_of(path) is not None:  # a pipe is opened once only: who writes to it would not write again
                open(path, "rb").close()
    return list(names)


def _is_elsewhere(name: str) -> bool:
    """Whether it is no local file: a URL, or a place in DIAL's storage."""
    return bool(re.match(r"(?i:https?)://|files/", name))


def new_name(size: int) -> str:
    """A name that nothing has: the time, and so many random bytes."""
    return time.strftime("%Y%m%d-%H%M%S-") + os.urandom(size).hex()


def attach(client: Any, names: Sequence[str], *, quiet: bool = False) -> List[Dict[str, Any]]:
    """Describe files as attachments; local ones, and stdin ("-"), are stored in a new folder of the caller's bucket."""
    unique = new_name(4)
    attachments: List[Dict[str, Any]] = []
    for name in names:
        if _is_elsewhere(name):
            attachments.append(_link(client, word(name)))
            continue
        title = stored_name("stdin" if name == "-" else word(Path(name).name))
        taken = any(known["title"] == title for known in attachments)
        stored = "%d-%s" % (len(attachments) + 1, title) if taken else title
        url = encode(client.my_bucket(), [FOLDER, unique, stored])
        item = store(client, url, name, title)
        # our own spelling of the URL: Core's leaves colons as they are, and Core answers 400 to many such attachments
        attachments.append({"type": item.content_type, "title": title, "url": url})
        if not quiet:
            note(dim("+ %s is stored as %s" % (visible(title), visible(item.url))))
    return attachments


def _link(client: Any, name: str) -> Dict[str, Any]:
    """An attachment that is there already: of DIAL's storage, or anywhere in the web."""
    title = unquote(urlsplit(name).path.rstrip("/").rpartition("/")[2]) or name
    if name.startswith("files/") or client.is_dial_url(name):
        url = resolve(client, name).url
        kind = FOLDER_TYPE if url.endswith("/") else client.files.get_metadata(url).content_type
        return {"type": kind or "application/octet-stream", "title": title, "url": url}
    kind = mimetypes.guess_type(urlsplit(name).path)[0]
    return {"type": kind or "application/octet-stream", "title": title, "url": name}
