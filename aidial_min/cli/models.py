"""The command `models`: the models, with what they take, what they cost and what they can do.

It knows the columns; it must not know tables or JSON.
"""

import argparse
from decimal import Decimal, InvalidOperation
from typing import Any

from .connection import make_client
from .exit_codes import OK
from .listing import features_of, print_listing, set_up_listing, text_of

TEXT = """
List the models that you may use. LIMIT is in tokens (prompt + answer, where the two have limits of their own); PRICE
is for a million units of the server's price list, mostly tokens (prompt / answer).
"""

EXAMPLES = """
@
--json | jq -r ".[] | select(.capabilities.embeddings) | .id"
"""

HEADS = ("ID", "NAME", "KIND", "LIMIT", "PRICE", "FEATURES")


def set_up(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    set_up_listing(parser, TEXT, EXAMPLES)


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    with make_client(arguments) as client:
        found = client.model.list()
    print_listing(
        found,
        HEADS,
        lambda item: (item.id, text_of(item.display_name), kind(item), limit(item), price(item), features_of(item)),
        as_json=arguments.json,
    )
    return OK


def kind(model: Any) -> str:
    """What it is called for."""
    able = model.capabilities
    if able is None:
        return ""
    return "embeddings" if able.embeddings else "chat" if able.chat_completion else "completion"


def limit(model: Any) -> str:
    """Tokens of a request."""
    limits = model.limits
    if limits is None:
        return ""
    if limits.max_total_tokens is not None:
        return str(limits.max_total_tokens)
    parts = (limits.max_prompt_tokens, limits.max_completion_tokens)
    return "%s + %s" % tuple("?" if part is None else part for part in parts) if any(parts) else ""


def price(model: Any) -> str:
    """What a million units cost; empty where prices are structured, as newer servers may have them."""
    pricing = model.pricing
    if pricing is None:
        return ""
    return " / ".join(filter(None, (_million(pricing.prompt), _million(pricing.completion))))


def _million(value: Any) -> str:
    try:
        return "{:f}".format((Decimal(value) * 1000000).normalize())
    except (InvalidOperation, TypeError, ValueError):
        return ""
