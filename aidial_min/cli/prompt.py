"""What a question is made of: its deployment, the messages before it, and the files that go with it."""

import argparse
import os
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from ..errors import ResourceNotFoundError
from .exit_codes import UsageError
from .progress import Progress
from .remote import encode, send, size_of, stored_name
from .terminal import dim, note, visible, word


def deployment_of(arguments: argparse.Namespace) -> Optional[str]:
    """The deployment that was named, if any."""
    named = arguments.deployment or os.environ.get("DIAL_DEPLOYMENT")
    return word(named) if named else None


def opening(arguments: argparse.Namespace) -> List[Dict[str, Any]]:
    """What stands before the first question."""
    return [{"role": "system", "content": word(arguments.system)}] if arguments.system else []


def user_message(prompt: str, attachments: List[Dict[str, Any]]) -> Dict[str, Any]:
    """A message of the user."""
    message: Dict[str, Any] = {"role": "user", "content": prompt}
    if attachments:
        message["custom_content"] = {"attachments": attachments}
    return message


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


# ---------------------------------------------------------------- attachments

FOLDER = "attachments"


def check_files(names: List[str]) -> List[Path]:
    """The files to attach, before anything is sent.

    Raises:
        UsageError: a folder. OSError: not there, or not readable.
    """
    paths = [Path(name) for name in names]
    for path in paths:
        if path.is_dir():
            raise UsageError("%s is a folder; attach its files" % path)
        if size_of(path) is not None:  # a pipe is opened once only: who writes to it would not write again
            with open(path, "rb"):
                pass
    return paths


def upload_files(client: Any, paths: List[Path], *, quiet: bool = False) -> List[Dict[str, Any]]:
    """Store files in a new folder of the caller's bucket and describe them as attachments."""
    if not paths:
        return []
    unique = time.strftime("%Y%m%d-%H%M%S-") + os.urandom(4).hex()
    attachments: List[Dict[str, Any]] = []
    for path in paths:
        name = title = stored_name(word(path.name))
        if any(known["title"] == title for known in attachments):
            name = "%d-%s" % (len(attachments) + 1, title)
        url = encode(client.my_bucket(), [FOLDER, unique, name])
        size = size_of(path)
        with Progress(size) as bar:
            bar.label = visible(title)
            item = send(client, url, path, title, size, progress=bar.sent)
        # our own spelling of the URL: Core's leaves colons as they are, and Core answers 400 to many such attachments
        attachments.append({"type": item.content_type, "title": title, "url": url})
        if not quiet:
            note(dim("+ %s is stored as %s" % (visible(title), visible(item.url))))
    return attachments
