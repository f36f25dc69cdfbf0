"""`deployments`, `applications`, `models` and `whoami`: what a server has for the caller, as a table or as JSON."""

import argparse
from decimal import Decimal, InvalidOperation
from typing import Any, Callable, Dict, List, Optional

from ..errors import EndpointNotSupportedError
from .connection import add_options, environment, make_client, source_of
from .terminal import print_pairs, print_table, write_json


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the options."""
    parser.description = COMMANDS[name].__doc__
    parser.add_argument("--json", action="store_true", help="everything the server tells, as JSON")
    if name != "whoami":
        parser.add_argument("--wide", action="store_true", help="cut nothing to the width of the terminal")
    add_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Ask, and print what came."""
    with make_client(arguments) as client:
        COMMANDS[arguments.command](client, arguments)


def whoami(client: Any, arguments: argparse.Namespace) -> None:
    """Show who the credential speaks for: its project or claims, roles, and bucket.

    The credential itself is never shown.

    examples:
        @
        --json | jq -r .bucket
    """
    variables = environment(arguments)
    kind = "api_key" if variables.get("DIAL_API_KEY") or variables.get("DIAL_API_KEY_FILE") else "bearer_token"
    found = {
        "server": client.base_url.rstrip("/"),
        "credential": "%s (%s)" % (kind.replace("_", " "), source_of(variables, kind)),
        "bucket": client.my_bucket(),
    }
    try:
        info = client.user.info()
        told = {"project": info.project, "roles": info.roles, **(info.user_claims or {})}
    except EndpointNotSupportedError:
        info, told = None, {}
    if arguments.json:
        write_json({**found, **(info.to_dict() if info is not None else {})})
    else:
        print_pairs({**found, **told})


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
    return " / ".join(filter(None, (_million(pricing.prompt), _million(pricing.completion)))) if pricing else ""


def _million(value: Any) -> str:
    try:
        return "{:f}".format((Decimal(value) * 1000000).normalize())
    except (InvalidOperation, TypeError, ValueError):
        return ""


# ---------------------------------------------------------------- lists


def deployments(client: Any, arguments: argparse.Namespace) -> None:
    """List everything that can be called by id (servers of 2024 list models only here; see also `applications`).

    examples:
        @
        --json | jq -r ".[].id"
    """
    _show(arguments, client.deployments.list(), lambda item: {
        "ID": item.id, "KIND": item.object, "NAME": text_of(item.display_name), "STATUS": item.status,
    })  # fmt: skip


def applications(client: Any, arguments: argparse.Namespace) -> None:
    """List the applications that you may use.

    examples:
        @
        --json | jq -r ".[].id"
    """
    _show(arguments, client.application.list(), lambda item: {
        "ID": item.id, "NAME": text_of(item.display_name), "VERSION": item.display_version,
        "DESCRIPTION": text_of(item.description),
    })  # fmt: skip


def models(client: Any, arguments: argparse.Namespace) -> None:
    """List the models that you may use.

    LIMIT is in tokens (prompt + answer, where the two have limits of their own); PRICE is for a million units of the
    server's price list, mostly tokens (prompt / answer).

    examples:
        @
        --json | jq ".[] | .id, .pricing"
    """
    _show(arguments, client.model.list(), lambda item: {
        "ID": item.id, "NAME": text_of(item.display_name), "KIND": kind_of(item), "LIMIT": limit_of(item),
        "PRICE": price_of(item), "FEATURES": features_of(item),
    })  # fmt: skip


def _show(arguments: argparse.Namespace, items: List[Any], row: Callable[[Any], Dict[str, Any]]) -> None:
    """Print what a server lists, by id: as JSON, or as a table of the cells of each item."""
    items = sorted(items, key=lambda item: str(item.id))
    if arguments.json:
        write_json([item.to_dict() for item in items])
    else:
        print_table([row(item) for item in items], wide=arguments.wide)


COMMANDS = {command.__name__: command for command in (deployments, applications, models, whoami)}
