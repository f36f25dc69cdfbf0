"""The folder works wherever it is put: copied and renamed, under -I -S, -O and -OO, in a zip, or installed by pip."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipapp
import zipfile
from pathlib import Path

import pytest

import aidial_min

from .support.interpreters import long

pytestmark = long

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "aidial_min"

OPTIONS = [["-I", "-S"], ["-I", "-S", "-O"], ["-I", "-S", "-OO"], ["-I", "-S", "-X", "dev", "-W", "error"]]

JOB = """
import sys
sys.path.insert(0, sys.argv[1])

def check(found, wanted):
    if found != wanted:  # an assert would be gone under -O
        raise SystemExit("%r is not %r" % (found, wanted))

from {package} import AsyncDial, Dial, ResourceNotFoundError
from {package}.testing import DialServer

messages = [{{"role": "user", "content": "2+3="}}]

def sync_job(server):
    with Dial(base_url=server.url, api_key=server.api_key, trust_env=False) as client:
        check("gpt-35-turbo" in [deployment.id for deployment in client.deployments.list()], True)
        whole = client.chat.completions.create(deployment_name="calculator", messages=messages)
        check(whole.choices[0].message.content, "5")
        stream = client.chat.completions.create(deployment_name="echo", messages=messages, stream=True)
        check(stream.result().choices[0].message.content, "2+3=")
        url = client.my_files_home() / "a folder/caf\\u00e9.txt"
        check(client.files.upload(url, b"abc").name, "caf\\u00e9.txt")
        check(client.files.metadata(url).content_length, 3)
        check(client.files.download(url).get_content(), b"abc")
        client.files.delete(url)
        try:
            client.files.download(url)
        except ResourceNotFoundError:
            pass
        else:
            raise SystemExit("the file is still there")

async def async_job(server):
    asyncio.get_running_loop().slow_callback_duration = 60  # in -X dev, a busy machine is no complaint
    async with AsyncDial(base_url=server.url, api_key=server.api_key, trust_env=False) as client:
        stream = await client.chat.completions.create(deployment_name="echo", messages=messages, stream=True)
        check((await stream.result()).choices[0].message.content, "2+3=")
        url = await client.my_files_home() / "b.txt"
        await client.files.upload(url, b"abc")
        check(await (await client.files.download(url)).aget_content(), b"abc")

with DialServer() as server:
    sync_job(server)
    check("asyncio" in sys.modules, False)
    import asyncio
    asyncio.run(async_job(server))

from {package}.__main__ import main
check(main(["demo"]), 0)
if "{package}" != "aidial_min":
    check([name for name in sys.modules if name.startswith("aidial_min")], [])
print("all of it")
"""


def python(options, *arguments, **more):
    command = [sys.executable, *options, *map(str, arguments)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=300, **more)


def do_the_job(options, place, package, folder):
    """Run JOB with `place` on the path, in a working folder from which nothing can be imported."""
    answer = python(options, "-c", JOB.format(package=package), place, cwd=folder)
    assert answer.stderr.decode() == ""
    assert answer.stdout.decode("utf-8").splitlines()[-1] == "all of it"


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    """An application with a copy of the package as its `_vendor.renamed`."""
    place = tmp_path_factory.mktemp("application")
    shutil.copytree(PACKAGE, place / "_vendor" / "renamed", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "_vendor" / "__init__.py").touch()
    return place


@pytest.fixture(scope="module")
def archive(application, tmp_path_factory):
    """The same application in a zip."""
    path = tmp_path_factory.mktemp("archive") / "application.zip"
    with zipfile.ZipFile(path, "w") as file:
        for source in sorted(application.rglob("*.py")):
            file.write(source, source.relative_to(application))
    return path


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_a_copied_and_renamed_folder_does_the_whole_job(options, application, tmp_path):
    do_the_job(options, application, "_vendor.renamed", tmp_path)


@pytest.mark.parametrize("options", OPTIONS[::3], ids=" ".join)
def test_a_zip_does_the_whole_job(options, archive, tmp_path):
    do_the_job(options, archive, "_vendor.renamed", tmp_path)


@pytest.mark.parametrize("options", OPTIONS[2:3], ids=" ".join)
def test_the_demo_runs_as_a_zipapp_with_an_entry_point_of_its_own(options, application, tmp_path):
    zipapp.create_archive(application, tmp_path / "demo.pyz", main="_vendor.renamed.__main__:main")
    answer = python(options, tmp_path / "demo.pyz", "demo", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert b">>> from _vendor.renamed import Dial" in answer.stdout.replace(b"\r\n", b"\n")


def test_a_package_inside_another_package_can_be_run_with_dash_m(application):
    answer = python([], "-m", "_vendor.renamed", "demo", cwd=application)
    assert (answer.returncode, answer.stderr) == (0, b"")


def test_the_licence_travels_with_the_folder(application):
    text = (application / "_vendor" / "renamed" / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which pip installed the project, from a copy of it that has no left-overs of other builds."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("this environment has no pip")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    shutil.copytree(PACKAGE, source / "aidial_min", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    answer = python([], "-m", "pip", "install", "--no-deps", "--no-compile", "--target", target, source, cwd=source)
    said = answer.stdout.decode() + answer.stderr.decode()
    if answer.returncode and re.search(r"No matching distribution found for setuptools|Could not fetch", said):
        pytest.skip("pip can't get setuptools, with which the project is built: %s" % said.strip().splitlines()[-1])
    assert answer.returncode == 0, said
    return target


def files_of(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_pip_installs_every_file_of_the_package(installed):
    assert files_of(installed / "aidial_min") == files_of(PACKAGE)


@pytest.mark.parametrize("options", OPTIONS[:1], ids=" ".join)
def test_what_pip_installed_does_the_whole_job(options, installed, tmp_path):
    do_the_job(options, installed, "aidial_min", tmp_path)


def test_the_metadata_says_what_holds(installed):
    from importlib.metadata import distributions

    (found,) = distributions(name="aidial-min", path=[str(installed)])
    assert found.version == aidial_min.__version__
    assert found.requires is None
    assert found.metadata["Requires-Python"] == ">=3.9"
    assert found.metadata["License-Expression"] == "Apache-2.0"
    assert [str(entry.value) for entry in found.entry_points] == ["aidial_min.__main__:main"]


def test_the_installed_command_runs(installed, tmp_path):
    scripts = [path for path in installed.glob("bin/*") if path.name == "aidial-min"]
    if not scripts and os.name != "posix":
        pytest.skip("scripts are programs of their own here")
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONIOENCODING": "utf-8"}
    answer = subprocess.run(
        [sys.executable, str(scripts[0]), "demo"], cwd=tmp_path, env=environment, capture_output=True, timeout=60
    )
    assert (answer.returncode, answer.stderr) == (0, b"")


# Slim copies, and Pythons that are too old


@pytest.fixture(scope="module")
def slim(tmp_path_factory):
    """Copies without some rooms: `slim("cli", "testing")`."""

    def copy(*left_out):
        place = tmp_path_factory.mktemp("slim")
        shutil.copytree(PACKAGE, place / "renamed", ignore=shutil.ignore_patterns("__pycache__", *left_out))
        return place

    return copy


SLIM_JOB = """
import asyncio
import sys
sys.path.insert(0, sys.argv[1])
from renamed import AsyncDial, Dial

settings = dict(base_url=sys.argv[2], api_key=sys.argv[3], trust_env=False)
ask = dict(deployment_name="echo", messages=[{"role": "user", "content": "one two"}])

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # in -X dev, a busy machine is no complaint
    async with AsyncDial(**settings) as client:
        url = await client.my_files_home() / "b.txt"
        await client.files.upload(url, b"abc")
        return await (await client.files.download(url)).aget_content()

with Dial(**settings) as client:
    print(client.chat.completions.create(**ask, stream=True).result().choices[0].message.content)
    print([deployment.id for deployment in client.deployments.list()][0])
print(asyncio.run(main()))
print(sorted(name for name in sys.modules if name.startswith(("renamed.cli.", "renamed.testing", "aidial_min"))))
"""


@pytest.mark.parametrize("options", OPTIONS[::3], ids=" ".join)
def test_the_library_works_without_command_line_test_server_and_main(options, slim, tmp_path):
    from aidial_min.testing import DialServer

    place = slim("cli", "testing", "__main__.py")
    with DialServer() as server:
        answer = python(options, "-c", SLIM_JOB, place, server.url, server.api_key, cwd=tmp_path)
    assert answer.stderr.decode() == ""
    assert answer.stdout.decode().splitlines() == ["one two", "gpt-35-turbo", "b'abc'", "[]"]


def test_a_copy_without_command_line_says_so(slim):
    answer = python([], "-m", "renamed", "chat", cwd=slim("cli", "testing"))
    assert (answer.returncode, answer.stdout) == (2, b"")
    assert answer.stderr.decode().splitlines() == ["This copy of renamed was made without the command line (cli/)."]


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_copy_without_test_server_says_so_where_it_is_needed(command, slim):
    place = slim("testing")
    answer = python([], "-m", "renamed", command, cwd=place)
    assert (answer.returncode, answer.stdout) == (2, b"")
    (line,) = answer.stderr.decode().splitlines()
    assert line == "This copy of renamed was made without the test server, which this command needs (testing/)."
    assert python([], "-m", "renamed", "chat", "--help", cwd=place).returncode == 0


def old_pythons():
    """Interpreters before 3.9 that pyenv keeps here, by their versions."""
    root = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    found = {path.parents[1].name: path for path in Path(root).glob("versions/*/bin/python")}
    return {name: path for name, path in found.items() if re.match(r"2\.7|3\.[0-8]\.", name)}


@pytest.mark.parametrize("words", [["-m", "aidial_min", "demo"], ["-c", "import aidial_min"]], ids=" ".join)
def test_an_older_python_gets_one_sentence(words):
    if not old_pythons():
        pytest.skip("no Python before 3.9 is kept here by pyenv")
    for version, interpreter in old_pythons().items():
        answer = subprocess.run([interpreter, "-B", *words], cwd=ROOT, capture_output=True, timeout=60)
        assert answer.returncode == 1
        said = answer.stderr.decode().splitlines()
        sentence = "aidial_min needs Python 3.9 or newer, this is %s" % version.rpartition(".")[0]
        assert said[-1] in (sentence, "ImportError: " + sentence)
        assert words[0] != "-m" or said == [sentence]
