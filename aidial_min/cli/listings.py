"""`deployments`, `applications`, `models` and `whoami`: what a server has for the caller, as a table or as JSON."""

import argparse
from decimal import Decimal, InvalidOperation
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

from ..errors import EndpointNotSupportedError
from .connection import add_options, client_arguments, environment, make_client, source_of
from .exit_codes import OK
from .table import print_pairs, print_table
from .terminal import write_json


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the options."""
    parser.description = (whoami if name == "whoami" else LISTINGS[name].ask).__doc__
    parser.add_argument("--json", action="store_true", help="everything the server tells, as JSON")
    if name != "whoami":
        parser.add_argument("--wide", action="store_true", help="cut nothing to the width of the terminal")
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print what came."""
    if arguments.command == "whoami":
        return whoami(arguments)
    listing = LISTINGS[arguments.command]
    with make_client(arguments) as client:
        items = sorted(listing.ask(client), key=lambda item: str(item.id))
    if arguments.json:
        write_json([item.to_dict() for item in items])
    else:
        print_table(listing.heads, [listing.row(item) for item in items], wide=arguments.wide)
    return OK


def whoami(arguments: argparse.Namespace) -> int:
    """Show who the credential speaks for: its project or claims, roles, and bucket.

    The credential itself is never shown.

    examples:
        @
        --json | jq -r .bucket
    """
    from ..client import Dial

    options = client_arguments(arguments)
    kind = "api_key" if "api_key" in options else "bearer_token"
    with Dial(**options) as client:
        found = {
            "server": client.base_url.rstrip("/"),
            "credential": "%s (%s)" % (kind.replace("_", " "), source_of(environment(arguments), kind)),
            "bucket": client.my_bucket(),
        }
        try:
            info = client.user.info()
        except EndpointNotSupportedError:
            info = None
    if arguments.json:
        write_json({**found, **(info.to_dict() if info is not None else {})})
    elif info is None:
        print_pairs(found)
    else:
        print_pairs({**found, "project": info.project, "roles": info.roles, **(info.user_claims or {})})
    return OK


# ---------------------------------------------------------------- cells


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


def kind_of(model: Any) -> str:
    """What a model is called for."""
    able = model.capabilities
    if able is None:
        return ""
    return "embeddings" if able.embeddings else "chat" if able.chat_completion else "completion"


def limit_of(model: Any) -> str:
    """Tokens of a request."""
    limits = model.limits
    if limits is None:
        return ""
    if limits.max_total_tokens is not None:
        return str(limits.max_total_tokens)
    parts = (limits.max_prompt_tokens, limits.max_completion_tokens)
    return "%s + %s" % tuple("?" if part is None else part for part in parts) if any(parts) else ""


def price_of(model: Any) -> str:
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


# ---------------------------------------------------------------- lists


def deployments(client: Any) -> List[Any]:
    """List everything that can be called by id (servers of 2024 list models only here; see also `applications`).

    examples:
        @
        --json | jq -r ".[].id"
    """
    found: List[Any] = client.deployments.list()
    return found


def applications(client: Any) -> List[Any]:
    """List the applications that you may use.

    examples:
        @
        --json | jq -r ".[].id"
    """
    found: List[Any] = client.application.list()
    return found


def models(client: Any) -> List[Any]:
    """List the models that you may use.

    LIMIT is in tokens (prompt + answer, where the two have limits of their own); PRICE is for a million units of the
    server's price list, mostly tokens (prompt / answer).

    examples:
        @
        --json | jq ".[] | .id, .pricing"
    """
    found: List[Any] = client.model.list()
    return found


class Listing(NamedTuple):
    """A command that lists something: the call that it makes, its columns, and the cells of one item."""

    ask: Callable[[Any], List[Any]]
    heads: Sequence[str]
    row: Callable[[Any], Sequence[Any]]


LISTINGS = {
    "deployments": Listing(
        deployments,
        ("ID", "KIND", "NAME", "STATUS"),
        lambda item: (item.id, item.object, text_of(item.display_name), item.status),
    ),
    "applications": Listing(
        applications,
        ("ID", "NAME", "VERSION", "DESCRIPTION"),
        lambda item: (item.id, text_of(item.display_name), item.display_version, text_of(item.description)),
    ),
    "models": Listing(
        models,
        ("ID", "NAME", "KIND", "LIMIT", "PRICE", "FEATURES"),
        lambda item: (
            *(item.id, text_of(item.display_name), kind_of(item)),
            *(limit_of(item), price_of(item), features_of(item)),
        ),
    ),
}
