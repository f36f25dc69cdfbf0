"""What all operations have in common: each is a method of both clients, and says its method and path."""

import inspect
import re
from functools import cached_property

import pytest

from aidial_min import AsyncDial, Dial
from aidial_min.core.operation import Resource

SETTINGS = {"base_url": "http://127.0.0.1:9", "api_key": "key-of-nobody"}
LAST_LINE = re.compile(r"(GET|PUT|POST|DELETE|\{method\}) (/(v1|v2|openai)/\S*|\{path\})")

EXPECTED = {
    "application": "get list",
    "bucket": "get_appdata get_bucket get_raw",
    "chat.completions": "create",
    "client_channel": "report signin_services signin_toolsets subscribe unsubscribe",
    "completions": "create",
    "conversations": "copy_to delete get get_metadata list move_to save",
    "custom_applications": "copy_to delete deploy get get_metadata list logs move_to redeploy save start stop undeploy",
    "custom_toolsets": "copy_to delete get get_metadata list move_to save",
    "code_interpreter": "close_session download execute get_session list_files open_session transfer_input "
    "transfer_output upload",
    "consent": "accept get",
    "deployments": "get get_configuration_schema limits list list_names rate route tokenize truncate_prompt usage",
    "external_services": "approve credentials credentials_on_behalf_of delete disapprove get list save signin signout",
    "embeddings": "create",
    "files": "copy_to delete download download_folder get_metadata list metadata move_to stream_download upload "
    "upload_folder",
    "invitations": "accept delete get list",
    "metadata": "get",
    "model": "get list",
    "notifications": "delete list",
    "prompts": "copy_to delete get get_metadata list move_to save",
    "publications": "approve create delete get list list_resources list_rules reject",
    "resource_permissions": "grant list revoke",
    "resources": "subscribe",
    "responses": "cancel create delete retrieve wait",
    "schemas": "get get_meta list",
    "sharing": "copy create discard list revoke",
    "skills": "create_folder delete delete_folder download list put stream_download",
    "skills.files": "delete list put read stream",
    "toolset": "allowed_tools call get list mcp signin signout tools",
    "user": "info limits offline_credentials offline_signin offline_signout usage",
}


def resources_of(client):
    """Every group of operations of a client, by name."""
    cls = type(client)
    names = [name for name in dir(cls) if isinstance(inspect.getattr_static(cls, name), cached_property)]
    found = {name: getattr(client, name) for name in names}
    found["chat.completions"] = found.pop("chat").completions
    found["skills.files"] = found["skills"].files
    return found


def sends_nothing(value):
    return "Nothing is sent." in (value.__doc__ or "").splitlines()[0]


def operations():
    for client in (Dial(**SETTINGS), AsyncDial(**SETTINGS)):
        for name, resource in resources_of(client).items():
            assert isinstance(resource, Resource)
            for method in dir(type(resource)):
                value = inspect.getattr_static(type(resource), method)
                if not method.startswith("_") and not isinstance(value, property) and not sends_nothing(value):
                    yield "%s.%s.%s" % (type(client).__name__, name, method), getattr(resource, method)


OPERATIONS = dict(operations())


@pytest.mark.parametrize("client_class", [Dial, AsyncDial])
def test_these_are_the_operations(client_class):
    found = {}
    for name in OPERATIONS:
        client, _, rest = name.partition(".")
        if client == client_class.__name__:
            resource, _, method = rest.rpartition(".")
            found.setdefault(resource, []).append(method)
    assert {resource: " ".join(sorted(methods)) for resource, methods in found.items()} == EXPECTED


@pytest.mark.parametrize("name", OPERATIONS)
def test_help_is_useful(name):
    operation = OPERATIONS[name]
    text = inspect.getdoc(operation)
    first, last = text.splitlines()[0], text.splitlines()[-1]
    assert first.endswith(".") or ". " in first or first.endswith(":"), first
    assert LAST_LINE.match(last), last
    signature = inspect.signature(operation)
    assert signature.return_annotation is not inspect.Signature.empty


def test_request_says_the_same_on_both_clients():
    assert Dial.request.__doc__ == AsyncDial.request.__doc__
    assert inspect.signature(Dial.request).parameters.keys() == inspect.signature(AsyncDial.request).parameters.keys()


def test_a_resource_is_made_once():
    client = Dial(**SETTINGS)
    assert all(getattr(client, name) is getattr(client, name) for name in resources_of(client) if "." not in name)
    assert "Dial(base_url='http://127.0.0.1:9/', api_key=...)" in repr(client.files)
