"""Changes of resources, as a stream that is opened, iterated over and closed like a chat stream."""

import pytest

from aidial_min import InvalidDialURLError, InvalidRequestError, PermissionDeniedError
from aidial_min.types import ResourceEvent


def follow(do, urls, changes):
    """Subscribe, make each change, and take the event that tells of it."""

    def sync(client):
        with client.resources.subscribe(urls) as stream:
            found = []
            for change in changes:
                change(client)
                found.append(next(stream))
            return found

    async def asynchronous(client):
        async with await client.resources.subscribe(urls) as stream:
            found = []
            for change in changes:
                await change(client)
                found.append(await stream.__anext__())
            return found

    return do(sync if do.kind == "sync" else asynchronous)


def test_every_change_is_told(core, dial, bucket_of, last):
    do = dial(core)
    url = "files/%s/my file" % bucket_of(do)
    created, updated, deleted = follow(
        do,
        [url],
        [lambda c: c.files.upload(url, b"a"), lambda c: c.files.upload(url, b"b"), lambda c: c.files.delete(url)],
    )
    assert core.requests[1].json() == {"resources": [{"url": url.replace(" ", "%20")}]}
    assert [event.action for event in (created, updated, deleted)] == ["CREATE", "UPDATE", "DELETE"]
    assert isinstance(created, ResourceEvent) and created.url == url.replace(" ", "%20")
    assert created.etag and created.timestamp and deleted.etag is None


def test_the_connection_is_free_again_after_closing(core, dial, bucket_of):
    do = dial(core)
    url = "files/%s/a" % bucket_of(do)
    for _ in range(3):
        follow(do, [url], [])
    assert do(lambda c: c.files.upload(url, b"a")).name == "a"


def test_resources_of_others_are_refused(core, dial, bucket_of):
    other = bucket_of(dial(core, "two"))
    with pytest.raises(PermissionDeniedError):
        follow(dial(core, "one"), ["files/%s/a" % other], [])


@pytest.mark.parametrize("urls", [[], "files/b/x", None])
def test_a_list_is_wanted(older, dial, urls):
    with pytest.raises(InvalidRequestError):
        follow(dial(older), urls, [])
    with pytest.raises(InvalidDialURLError):
        follow(dial(older), ["files/b/folder/"], [])
    assert not older.requests
