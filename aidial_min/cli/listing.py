"""What the listings share: their options, and a list of models as a table or as JSON.

It knows the fields that all deployments have; it must not know where a list came from.
"""

import argparse
from typing import Any, Callable, List, Optional, Sequence

from .connection import add_options
from .help import teach
from .table import print_table
from .terminal import write_json

Row = Callable[[Any], Sequence[Any]]


def set_up_listing(parser: argparse.ArgumentParser, text: str, examples: str) -> None:
    """The options of every listing."""
    teach(parser, text, examples)
    parser.add_argument("--json", action="store_true", help="everything the server tells, as a JSON array")
    add_options(parser)


def print_listing(items: List[Any], heads: Sequence[str], row: Row, *, as_json: bool) -> None:
    """Print models in the order of their ids."""
    items = sorted(items, key=lambda item: str(item.id))
    if as_json:
        write_json([item.to_dict() for item in items])
    else:
        print_table(heads, [row(item) for item in items])


def text_of(value: Any) -> Optional[str]:
    """A name or description: text, or text by locale on newer servers."""
    if isinstance(value, dict):
        return str(value.get("en") or next(iter(value.values()), ""))
    return None if value is None else str(value)


def features_of(item: Any) -> List[str]:
    """What a deployment can do beyond answering, in words."""
    features = item.features
    names = ("tools", "url_attachments", "folder_attachments", "configuration", "tokenize", "truncate_prompt", "rate")
    return [name.replace("_", " ") for name in names if features is not None and features.get(name) is True]
