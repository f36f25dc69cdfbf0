"""What importing costs, and which names the package shows: to Python, to dir(), and to type checkers."""

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import aidial_min
from aidial_min.testing import DialServer

ROOT = Path(__file__).resolve().parents[1]

PUBLIC = """
AsyncAuthValue AsyncDial AsyncDialClientPool AsyncFileDownloadResponse AsyncStream Attempt AuthenticationError
ConfigurationError ConflictError ConnectError Dial DialClientPool DialConnectionError DialException DialTimeoutError
EndpointNotSupportedError EtagMismatchError FileDownloadResponse Headers InvalidDialURLError InvalidDialURLException
InvalidRequestError Limits ModelInfo ModelLimits ModelPricing NotDialURLError ParsingDataError PermissionDeniedError
ProxyError RateLimitError RemoteProtocolError RequestTooLargeError ResourceNotFoundError ResponseInterruptedError
ServerError SigninResult Stream StreamInterruptedError SyncAuthValue TLSError Timeout ToolsetInfo UserInfo
""".split()
"""Names that users may import: one that goes, or comes unawares, is a change to the public surface."""


def modules_after(code, *arguments):
    """Names of all modules that are loaded when `code` has run in a fresh interpreter."""
    code = "import sys; sys.path.insert(0, sys.argv.pop(1))\n%s\nprint(*sorted(sys.modules))" % code
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT), *arguments]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert answer.returncode == 0, answer.stderr.decode()
    return answer.stdout.decode().split()


def test_importing_the_package_loads_nothing_of_it():
    loaded = modules_after("import aidial_min")
    assert [name for name in loaded if name.startswith("aidial_min")] == [
        "aidial_min",
        "aidial_min._names",
        "aidial_min._version",
    ]
    assert not {"asyncio", "ssl", "socket", "http.client", "urllib.request", "dataclasses", "inspect", "typing"} & set(
        loaded
    )


def test_a_name_loads_only_what_it_needs():
    loaded = modules_after("from aidial_min import DialException, Timeout")
    assert not {"asyncio", "ssl", "socket", "http.client", "dataclasses"} & set(loaded)
    assert "aidial_min.client" not in loaded and "aidial_min.transport" not in loaded


EVERY_CALL = """
from aidial_min import Dial
client = Dial(base_url=sys.argv[1], api_key=sys.argv[2], trust_env=False)
messages = [{"role": "user", "content": "2+3="}]
assert client.chat.completions.create(deployment_name="echo", messages=messages).choices[0].message.content == "2+3="
assert list(client.chat.completions.create(deployment_name="echo", messages=messages, stream=True).text()) == ["2+3="]
client.deployments.list(), client.application.list()
url = client.my_files_home() / "a.txt"
client.files.upload(url, b"abc")
assert client.files.metadata(url).content_length == 3
assert client.files.download(url).get_content() == b"abc"
client.files.delete(url)
client.close()
"""


def test_the_sync_client_never_loads_asyncio():
    with DialServer() as server:
        loaded = modules_after(EVERY_CALL, server.url, server.api_key)
    assert "aidial_min.transport.sync" in loaded
    unwanted = ("asyncio", "concurrent", "aidial_min.transport.aio", "aidial_min.testing")
    assert not [name for name in loaded if name.startswith(unwanted)]


def test_the_public_names_are_these():
    assert sorted(aidial_min.__all__) == sorted(["__version__", *PUBLIC])


def test_every_public_name_leads_to_something_of_that_name():
    aliases = {"AsyncFileDownloadResponse", "InvalidDialURLException", "SyncAuthValue", "AsyncAuthValue"}
    assert set(PUBLIC) <= set(dir(aidial_min))
    assert {name for name in PUBLIC if getattr(getattr(aidial_min, name), "__name__", "") != name} <= aliases


OFFICIAL_RESOURCES = """
Chat Bucket Files Prompts SkillsRef SkillFilesRef Deployments Metadata Application Toolset Model ResourcePermissions
ClientChannel User ChatCompletions
""".split()
"""`aidial_client.resources.__all__` of 0.18.0, and `resources.chat.ChatCompletions`, without the Async twins."""


def test_the_classes_of_resources_are_where_the_official_client_has_them():
    from aidial_min import resources

    assert sorted(resources.__all__) == sorted([*OFFICIAL_RESOURCES, *("Async" + name for name in OFFICIAL_RESOURCES)])
    with aidial_min.Dial(base_url="http://127.0.0.1:9", api_key="key-of-nobody") as client:
        assert type(client.files) is resources.Files and type(client.skills.files) is resources.SkillFilesRef


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nope"):
        aidial_min.Nope  # noqa: B018
    with pytest.raises(ImportError):
        exec("from aidial_min import Nope")


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "aidial_min" / "__init__.py").read_text(encoding="utf-8"))
    seen = {"__version__"}
    for statement in ast.walk(tree):
        if isinstance(statement, ast.ImportFrom) and statement.level and statement.module != "_names":
            for alias in statement.names:
                module = importlib.import_module("aidial_min." + statement.module)
                seen.update(module.__all__ if alias.name == "*" else [alias.name])
    assert seen == set(aidial_min.__all__)


def test_a_type_that_is_asked_of_the_package_is_shown_its_place():
    with pytest.raises(ImportError, match="from aidial_min.types import ChatCompletionResponse"):
        exec("from aidial_min import ChatCompletionResponse")


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed in this environment")
def test_mypy_refuses_a_name_that_is_not_there(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import aidial_min\naidial_min.Dial\naidial_min.Nope\n")
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--cache-dir", str(tmp_path / "cache"), str(script)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300).stdout.decode()
    assert 'script.py:3: error: Module has no attribute "Nope"' in answer
    assert "script.py:2" not in answer
