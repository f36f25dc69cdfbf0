"""What an address says, in the official client's words: nothing is sent for it."""

import pytest

from aidial_min import AsyncDial, Dial, InvalidDialURLError, NotDialURLError

BASE = "https://dial.example.com/prefix"


@pytest.fixture(params=[Dial, AsyncDial])
def client(request):
    return request.param(base_url=BASE, api_key="key-of-nobody")


def places(client):
    yield "files", "v1", client.files
    yield "prompts", "v1", client.prompts
    yield "skills", "v2", client.skills
    yield "skills", "v2", client.skills.files


FOUND = [
    # an address below the bucket, its path there, its file name, its slash
    ("a b.txt", "a%20b.txt", "a%20b.txt", ""),
    ("a%20b.txt", "a%20b.txt", "a%20b.txt", ""),
    ("x/y%20z/", "x/y%20z", None, "/"),
    ("\xfc", "%C3%BC", "%C3%BC", ""),
]
"""As 0.18.0 answers."""


@pytest.mark.parametrize(("below", "bucket_path", "filename", "slash"), FOUND)
def test_an_address_says_where_something_is(client, below, bucket_path, filename, slash):
    for kind, version, resource in places(client):
        for url in ("%s/b/%s" % (kind, below), "%s/%s/%s/b/%s" % (BASE, version, kind, below)):
            found = resource.get_storage_resource(url)
            api_path = "%s/b/%s" % (kind, bucket_path)
            assert (found.resource_type, found.bucket, found.bucket_path, found.filename) == (
                *(kind, "b", bucket_path, filename),
            )
            assert found.absolute_url == "%s/%s/%s%s" % (BASE, version, api_path, slash)
            assert found.relative_url == "/prefix/%s/%s" % (version, api_path)
            assert found.api_path == resource.get_api_path(url) == api_path
            assert resource.get_display_name(url) == bucket_path
            assert resource.get_api_prefix() == version + "/"


def test_the_root_of_a_bucket_is_asked_for(client):
    for kind, version, resource in places(client):
        with pytest.raises(InvalidDialURLError, match="bucket path"):
            resource.get_storage_resource(kind + "/b")
        found = resource.get_storage_resource(kind + "/b", allow_empty_bucket_path=True)
        assert (found.bucket, found.bucket_path, found.filename) == ("b", None, None)
        assert resource.get_api_path(kind + "/b/", allow_empty_bucket_path=True) == kind + "/b"
        assert found.absolute_url == "%s/%s/%s/b" % (BASE, version, kind)


def test_what_is_no_such_address_is_refused(client):
    for url in ("x", "/v1/files/b/a", "v1/files/b/a", "files", "prompts/b/a", "files/b/../a", 5):
        with pytest.raises(InvalidDialURLError):
            client.files.get_storage_resource(url)
    with pytest.raises(NotDialURLError):
        client.files.get_storage_resource("https://other.example.com/v1/files/b/a")
