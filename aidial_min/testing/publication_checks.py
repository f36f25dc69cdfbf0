"""What a new publication has to be: its resources, their targets, its rules, and Core's words for what is wrong.

Knows the order in which Core checks. Must not know what becomes of a publication (publications.py).
"""

from typing import TYPE_CHECKING, Any

from .access import READ, permissions
from .errors import Refusal
from .paths import ResourceUrl, from_url

if TYPE_CHECKING:
    from .core import Call, Core

Json = dict[str, Any]
PUBLISHABLE = ("files", "conversations", "prompts", "applications", "toolsets")
FUNCTIONS = ("EQUAL", "CONTAIN", "REGEX", "TRUE", "FALSE")


def resources(core: "Core", call: "Call", wanted: list[Json], folder: str, review: str) -> list[Json]:
    """The resources of a new publication, checked as Core checks them, with their review urls."""
    judged: list[Json] = []
    urls: set[str] = set()
    for given in wanted:
        action = str(given.get("action") or "").upper()
        if not action:
            raise Refusal(400, 'Resource "action" is missing')
        if action not in ("ADD", "DELETE") and not (core.newer and action == "ADD_IF_ABSENT"):
            raise Refusal(400, "Failed to parse json: no such action")
        target = _target(given, folder)
        resource: Json = {"action": "ADD" if action == "ADD_IF_ABSENT" else action, "targetUrl": target.url}
        if action == "DELETE":
            if core.storage.get(target) is None:
                raise Refusal(400, f"Target resource does not exists: {target.url}")
        else:
            source = _source(core, call, given, target)
            suffix = target.url[len(f"{target.type}/") + len(folder) :]
            if action == "ADD" and core.storage.get(target) is not None:
                raise Refusal(400, f"Target resource already exists: {target.url}")
            resource = {"action": resource["action"], "sourceUrl": source.url, "targetUrl": target.url}
            resource["reviewUrl"] = f"{source.type}/{review}/{suffix}"
        for what, name in (("Source", "sourceUrl"), ("Target", "targetUrl"), ("Review", "reviewUrl")):
            if resource.get(name) in urls:
                raise Refusal(400, f"{what} resources have duplicate urls: {resource[name]}")
        urls.update(resource[name] for name in ("sourceUrl", "targetUrl", "reviewUrl") if name in resource)
        if READ not in permissions(core, call.caller, target):
            raise Refusal(403, "User don't have permissions to the provided target resources")
        judged.append(resource)
    return judged


def _target(given: Json, folder: str) -> ResourceUrl:
    url = str(given.get("targetUrl"))
    target = from_url(url)
    if not target.public:
        raise Refusal(400, f"Url bucket does not match: {url}")
    if target.type not in PUBLISHABLE:
        raise Refusal(500)
    if target.folder:
        raise Refusal(400, f"Target resource is folder: {target.url}")
    if not target.url[len(target.type) + 1 :].startswith(folder):
        raise Refusal(400, f"Target resource folder does not match with target folder: {target.url}")
    return target


def _source(core: "Core", call: "Call", given: Json, target: ResourceUrl) -> ResourceUrl:
    url = str(given.get("sourceUrl"))
    source = from_url(url)
    if source.public:
        raise Refusal(400, f"Not private url: {url}")
    if READ not in permissions(core, call.caller, source):
        raise Refusal(403, f"You don't have permission to access resource {source.url}")
    if source.folder:
        raise Refusal(400, f"Source resource is folder: {source.url}")
    if source.type != target.type:
        raise Refusal(400, f"Source and target resource types do not match: {target.url}")
    if core.storage.get(source) is None:
        raise Refusal(400, f"Source resource does not exists: {source.url}")
    return source


def rule(given: Json) -> Json:
    function = str(given.get("function") or "").upper()
    if not function:
        raise Refusal(400, "Rule does not have function")
    if function not in FUNCTIONS:
        raise Refusal(400, "Failed to parse json: no such function")
    if given.get("source") is None:
        raise Refusal(400, "Rule does not have source")
    if function not in ("TRUE", "FALSE") and not given.get("targets"):
        raise Refusal(400, f"Rule {function} does not have targets")
    return {"function": function, "source": given["source"], "targets": given.get("targets")}
