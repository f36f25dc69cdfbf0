"""Metadata by the name of the area: items, folders, and the root of a bucket."""

import pytest

from aidial_min import InvalidDialURLError, InvalidRequestError, ResourceNotFoundError
from aidial_min.types import (
    ConversationMetadata,
    FileMetadata,
    PromptMetadata,
    ResourceMetadata,
)

MODELS = {
    "files": FileMetadata,
    "conversations": ConversationMetadata,
    "prompts": PromptMetadata,
    "applications": ResourceMetadata,
    "toolsets": ResourceMetadata,
}


@pytest.mark.parametrize("kind", MODELS)
def test_every_area_has_its_model(newer, dial, bucket_of, last, kind):
    do = dial(newer)
    url = "%s/%s/" % (kind, bucket_of(do))
    found = do(lambda c: c.metadata.get(kind, url))
    assert type(found) is MODELS[kind] and found.items == [] and found.node_type == "FOLDER"
    assert last(newer)[:2] == ("GET", "/v1/metadata/" + url)
    assert do(lambda c: c.metadata.get(resource=kind, relative_url=url[:-1])) == found  # a bucket is its root


def test_items_and_folders(core, dial, bucket_of, last):
    do = dial(core)
    home = "files/" + bucket_of(do)
    do(lambda c: c.files.upload(home + "/folder/a b.txt", b"abc"))
    item = do(lambda c: c.metadata.get("files", home + "/folder/a b.txt"))
    assert (item.name, item.content_length, item.items) == ("a b.txt", 3, None)
    folder = do(lambda c: c.metadata.get("files", home + "/folder/", limit=5, recursive=True, permissions=True))
    assert [entry.name for entry in folder.items] == ["a b.txt"] and folder.permissions
    assert last(core)[1].endswith("/folder/?limit=5&recursive=true&permissions=true")


@pytest.mark.parametrize("name", ["folder/", "folder/a%20b.txt"])
def test_the_address_of_the_metadata_itself(core, dial, bucket_of, last, name):
    do = dial(core)
    place = "files/%s/" % bucket_of(do)
    do(lambda c: c.files.upload(place + "folder/a b.txt", b"abc"))
    found = do(lambda c: c.metadata.get("files", c.api_url + "metadata/" + place + name))
    assert last(core)[:2] == ("GET", "/v1/metadata/" + place + name)
    assert found == do(lambda c: c.metadata.get("files", place + name))
    with pytest.raises(InvalidDialURLError):
        do(lambda c: c.files.download(c.api_url + "metadata/" + place + name))


def test_single_prompts_have_metadata_too(core, dial, bucket_of):
    do = dial(core)
    url = "prompts/%s/p" % bucket_of(do)
    do(lambda c: c.prompts.save(url, {"id": "p", "name": "p", "folderId": "f", "content": ""}))
    assert do(lambda c: c.metadata.get("prompts", url)).etag


def test_a_token_travels_encoded(older, dial, bucket_of, last):
    do = dial(older)
    home = "files/%s/folder/" % bucket_of(do)
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.metadata.get("files", home, token="a b/+="))
    assert last(older)[1].endswith("?token=a%20b%2F%2B%3D")


def test_area_and_url_fit_together(older, dial):
    do = dial(older)
    with pytest.raises(InvalidDialURLError):
        do(lambda c: c.metadata.get("prompts", "files/b/x"))
    with pytest.raises(InvalidRequestError, match="resource must be one of files"):
        do(lambda c: c.metadata.get("skills", "skills/b/x"))
    assert not older.requests
