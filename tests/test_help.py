"""What help shows: to inspect.signature and help(), and to jedi (Jupyter, vim) and IPython where they are there."""

import inspect
import pydoc
import re
from pathlib import Path

import pytest

from aidial_min import AsyncDial, AsyncDialClientPool, Dial, DialClientPool

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {"base_url": "http://localhost:1", "api_key": "key-of-a-test"}
CLIENTS = [Dial(**SETTINGS), AsyncDial(**SETTINGS)]
IDS = ["sync", "async"]
AREAS = """
    chat.completions completions embeddings deployments model application toolset user bucket files prompts
    conversations external_services code_interpreter consent schemas custom_applications custom_toolsets metadata
    skills skills.files sharing invitations publications notifications resource_permissions resources client_channel
    responses
""".split()


def methods(client):
    """(name, method) of every public method that users call, of the client and of all its areas."""
    places = {"": client}
    for area in AREAS:
        place = client
        for name in area.split("."):
            place = getattr(place, name)
        places[area + "."] = place
    for prefix, place in places.items():
        for name in dir(place):
            if not name.startswith("_") and name not in AREAS and callable(getattr(type(place), name, None)):
                yield prefix + name, getattr(place, name)


@pytest.mark.parametrize("client", CLIENTS, ids=IDS)
def test_every_method_shows_its_parameters_and_says_what_it_does(client):
    found = dict(methods(client))
    assert len(found) > 80
    for name, method in found.items():
        assert (method.__doc__ or "").strip(), name
        shown = inspect.signature(method).parameters.values()
        assert not [one for one in shown if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)], name


@pytest.mark.parametrize("client", CLIENTS, ids=IDS)
def test_a_wrong_number_of_arguments_names_the_method(client):
    for call, said in (
        (lambda: client.files.upload("files/b/a"), r"^upload\(\) missing 1 required positional argument: 'file'"),
        (lambda: client.prompts.save(), r"^save\(\) missing 2 required positional arguments: 'url' and 'prompt'"),
        (lambda: client.deployments.get(), r"^get\(\) missing 1 required positional argument: 'deployment_id'"),
        (lambda: client.my_bucket(1), r"^my_bucket\(\) takes 1 positional argument but 2 were given"),
        (lambda: client.files.delete("files/b/a", force=True), r"^delete\(\) got an unexpected keyword argument"),
    ):
        with pytest.raises(TypeError, match=said):
            call()


def test_help_of_a_class_shows_its_methods():
    for client in CLIENTS:
        page = re.sub(r"[\s|]+", "", pydoc.plain(pydoc.render_doc(type(client.files))))  # 3.13 breaks long signatures
        assert "upload(self,url:'StorageUrl',file:'FileTypes'" in page and "Createorreplaceafile." in page
        page = pydoc.plain(pydoc.render_doc(type(client.chat.completions)))
        assert "temperature" in page and "Answer a conversation." in page


@pytest.mark.parametrize("cls", [Dial, AsyncDial])
def test_help_of_a_client_says_what_its_areas_are(cls):
    page = pydoc.plain(pydoc.render_doc(cls))
    for area in {area.partition(".")[0] for area in AREAS}:
        about = inspect.getdoc(type(getattr(CLIENTS[0], area))).splitlines()[0]
        assert re.search(r"(?m)^ \|  %s = .*\n \|      %s$" % (area, re.escape(about)), page), area


@pytest.mark.parametrize("cls", [Dial, AsyncDial, DialClientPool, AsyncDialClientPool])
def test_clients_show_their_arguments(cls):
    assert "limits" in inspect.signature(cls).parameters


# Jedi reads the sources, and does not know TYPE_CHECKING where it is a plain False.

PREAMBLE = """
from aidial_min import AsyncDial, Dial, DialClientPool
sync_client = Dial(base_url="http://localhost:1", api_key="k")
async_client = AsyncDial(base_url="http://localhost:1", api_key="k")
"""


def jedi_script(code):
    jedi = pytest.importorskip("jedi")
    project = jedi.Project(str(ROOT), added_sys_path=[str(ROOT)])
    return jedi.Script(PREAMBLE + code, project=project, path=str(ROOT / "editor.py"))


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("Dial(", "base_url api_key bearer_token"),
        ("AsyncDial(", "base_url api_key bearer_token"),
        ("DialClientPool().create_client(", "base_url api_key"),
        ("sync_client.files.upload(", "url file etag_if_match"),
        ("async_client.files.upload(", "url file etag_if_match"),
        ("async_client.prompts.save(", "url prompt"),
        ("sync_client.chat.completions.create(", "deployment_name messages stream"),
        ("async_client.chat.completions.create(", "deployment_name messages stream"),
    ],
)
def test_jedi_shows_parameters(code, parameters):
    signatures = jedi_script(code).get_signatures()
    assert signatures
    shown = [parameter.name for parameter in signatures[0].params]
    assert [name for name in parameters.split() if name not in shown] == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("sync_client.", "chat files deployments my_bucket with_options close"),
        ("async_client.", "chat files deployments my_bucket with_options aclose"),
        ("async_client.files.", "upload download stream_download metadata list"),
        ("sync_client.chat.completions.create(deployment_name='a', messages=[]).", "choices usage id to_dict"),
    ],
)
def test_jedi_completes(code, names):
    shown = {completion.name for completion in jedi_script(code).complete()}
    assert set(names.split()) <= shown


def test_ipython_shows_parameters_and_docstrings():
    oinspect = pytest.importorskip("IPython.core.oinspect")
    themed = "theme_name" in inspect.signature(oinspect.Inspector).parameters  # IPython 9 wants one
    inspector = oinspect.Inspector(**({"theme_name": "nocolor"} if themed else {}))
    for client in CLIENTS:
        info = inspector.info(client.files.upload)
        assert "etag_if_none_match" in info["definition"] and "Create or replace a file." in info["docstring"]
        info = inspector.info(client.chat.completions.create)
        assert "temperature" in info["definition"] and "Answer a conversation." in info["docstring"]
