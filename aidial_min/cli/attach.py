"""Local files as attachments of a question: checked, stored in the caller's bucket, and named by their URL there.

It knows the bucket's folder for attachments; it must not know messages or how they are sent.
"""

import os
import time
from pathlib import Path
from typing import Any, Dict, List

from .exit_codes import UsageError
from .local_file import send, size_of
from .progress import Progress
from .remote import encode, stored_name
from .terminal import dim, note, visible, word

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
