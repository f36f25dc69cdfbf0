"""The routing table: method, path pattern on the raw path, handler, and in which Core it exists.

Knows every endpoint of the server and nothing of what they do; a look here tells what is served, and by which room.
"""

import re
from re import Pattern
from typing import Callable, NamedTuple, Optional

from . import (
    applications,
    bucket,
    channel,
    chat,
    features,
    files,
    grants,
    listings,
    metadata,
    operations,
    publications,
    resources,
    sharing,
    skills,
    toolsets,
)  # fmt: skip
from .messages import Response

Handler = Callable[..., Optional[Response]]

STORED = r"(?P<bucket>[a-zA-Z0-9]+)/(?P<path>.*)"
OPENAI = r"/+openai"
SKILL_FILE = r"/v2/skills/(?P<bucket>[a-zA-Z0-9]+)/(?P<path>.+?)/files/(?P<file>.+)"


class Route(NamedTuple):
    pattern: Pattern[str]
    handler: Handler


Table = list[tuple[str, str, Handler]]
_BOTH: Table = [
    ("POST", OPENAI + r"/deployments/(?P<id>.+?)/(?P<api>completions|chat/completions|embeddings)", chat.post),
    ("GET", r"/v1/bucket", bucket.get),
    ("GET", r"/v1/user/info", bucket.user_info),
    ("PUT", r"/v1/files/" + STORED, files.upload),
    ("GET", r"/v1/files/" + STORED, files.download),
    ("DELETE", r"/v1/files/" + STORED, files.delete),
    ("GET", OPENAI + r"/(?P<kind>deployments|models|applications)", listings.list_all),
    ("GET", OPENAI + r"/(?P<kind>deployments|models|applications)/(?P<id>.+)", listings.get_one),
    ("GET", r"/v1/deployments/(?P<id>.+?)/limits", listings.limits),
    ("GET", r"/+v1/deployments/(?P<id>.+?)/configuration", features.configuration),
    ("POST", r"/+v1/deployments/(?P<id>.+?)/tokenize", features.tokenize),
    ("POST", r"/+v1/deployments/(?P<id>.+?)/truncate_prompt", features.truncate_prompt),
    ("POST", r"/v1/ops/resource/move", operations.move),
    ("POST", r"/v1/ops/resource/subscribe", operations.subscribe),
    ("POST", r"/v1/ops/resource/share/(?P<operation>create|list|discard|revoke|copy)", sharing.operate),
    ("GET", r"/v1/invitations", sharing.invitations),
    ("GET", r"/v1/invitations/(?P<id>[a-zA-Z0-9]+)", sharing.invitation),
    ("DELETE", r"/v1/invitations/(?P<id>[a-zA-Z0-9]+)", sharing.delete_invitation),
    ("POST", r"/v1/ops/publication/(?P<operation>list|get|create|delete|approve|reject)", publications.operate),
    ("POST", r"/v1/ops/publication/resource/list", publications.list_resources),
    ("POST", r"/v1/ops/publication/rule/list", publications.list_rules),
    ("POST", r"/v1/ops/notification/list", publications.list_notifications),
    ("POST", r"/v1/ops/notification/delete", publications.delete_notifications),
    ("POST", r"/+v1/(?P<id>.+?)/rate", features.rate),
]
_ONLY_2024: Table = [
    ("GET", OPENAI + r"/(?P<kind>addons|assistants)", listings.list_all),
    ("GET", OPENAI + r"/(?P<kind>addons|assistants)/(?P<id>.+)", listings.get_one),
    ("POST", r"/v1/ops/application/(?P<operation>start|stop|logs)", applications.operate),
]
_ONLY_2026: Table = [
    ("POST", OPENAI + r"/v1/chat/completions", chat.post_by_model),
    ("GET", OPENAI + r"/toolsets", toolsets.list_all),
    ("GET", OPENAI + r"/toolsets/(?P<id>.+)", toolsets.get_one),
    ("GET", r"/v1/toolset/(?P<id>.+?)/tools", toolsets.tools),
    ("POST", r"/v1/ops/toolset/(?P<operation>signin|signout)", toolsets.sign),
    ("GET", r"/v1/deployments", listings.interfaces),
    ("GET", r"/v1/deployment-names", listings.names),
    ("GET", r"/v1/deployments/(?P<id>.+)", listings.one_with_interfaces),
    ("GET", r"/v1/user/(?:limits|usage)", listings.usage),
    ("POST", r"/v1/ops/application/(?P<operation>deploy|undeploy|redeploy|logs)", applications.operate),
    ("POST", r"/v1/ops/resource/copy", operations.copy),
    ("POST", r"/v1/ops/resource/per-request-permissions/(?P<operation>grant|revoke|list)", grants.operate),
    ("POST", r"/v1/ops/publication/(?P<operation>update)", publications.operate),
    ("POST", r"/v1/ops/client-channel/subscribe", channel.subscribe),
    ("POST", r"/v1/ops/client-channel/report", channel.report),
    ("POST", r"/v1/ops/client-channel/unsubscribe", channel.unsubscribe),
    ("POST", r"/v1/ops/client-channel/interact", channel.interact),
    ("GET", r"/v2/metadata/skills/(?P<bucket>[a-zA-Z0-9]+)/(?P<path>.+?)/files(?:/(?P<file>.*))?", skills.list_files),
    ("GET", r"/v2/metadata/skills/" + STORED, skills.list_skills),
    ("GET", SKILL_FILE, skills.get_file),
    ("PUT", SKILL_FILE, skills.put_file),
    ("DELETE", SKILL_FILE, skills.delete_file),
    ("GET", r"/v2/skills/" + STORED, skills.get),
    ("PUT", r"/v2/skills/" + STORED, skills.put),
    ("DELETE", r"/v2/skills/" + STORED, skills.delete),
]


def _stored(types: str) -> Table:
    """The routes of stored resources: the newer Core has more types."""
    return [
        ("PUT", rf"/v1/(?P<type>{types})/" + STORED, resources.put),
        ("GET", rf"/v1/(?P<type>{types})/" + STORED, resources.get),
        ("DELETE", rf"/v1/(?P<type>{types})/" + STORED, resources.delete),
        ("GET", rf"/v1/metadata/(?P<type>files|{types})/" + STORED, metadata.get),
    ]


def table(newer: bool) -> dict[str, list[Route]]:
    """The routes of one generation, by method."""
    types = "conversations|prompts|applications"
    rows = _stored(types + "|toolsets") + _BOTH + _ONLY_2026 if newer else _stored(types) + _BOTH + _ONLY_2024
    routes: dict[str, list[Route]] = {}
    for method, pattern, handler in rows:
        routes.setdefault(method, []).append(Route(re.compile(pattern), handler))
    return routes
