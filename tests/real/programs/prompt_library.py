"""Prompts kept in DIAL: saved, read, changed with ETags, found by their metadata; addresses in every spelling."""

import sys
from pathlib import PurePosixPath

from aidial_client import Dial, EtagMismatchError, InvalidDialURLError, NotDialURLError, ResourceNotFoundError
from aidial_client.types.prompt import Prompt

URL, KEY = sys.argv[1:3]
client = Dial(base_url=URL, api_key=KEY)
home = client.my_prompts_home()
url = home / "team a" / "greeting__1.0.0"
prompt = Prompt(id=str(url), name="greeting", folder_id=str(url.parent), content="Say hello to {{name}}")
item = client.prompts.save(url, prompt)
print(item.name, item.node_type, item.resource_type, item.parent_path, item.url == client.prompts.get_api_path(url))
read = client.prompts.get(item.url)
print(read.content, read.name, read.folder_id == prompt.folder_id, read.model_dump(by_alias=True)["folderId"][:7])
try:
    client.prompts.save(url, prompt, etag_if_none_match="*")
except EtagMismatchError as error:
    print("exists", error.status_code)
changed = read.model_copy(update={"content": "Say good bye"})
client.prompts.save(url, changed, etag_if_match=item.etag)
print(client.prompts.get(url).content, client.prompts.get(client.api_url + item.url).content)
listing = client.metadata.get("prompts", str(home) + "/", limit=10)
print([(entry.name, entry.node_type) for entry in listing.items])
client.prompts.delete(url)
try:
    client.prompts.get(url)
except ResourceNotFoundError as error:
    print("gone", error.status_code)

files, prompts = client.files, client.prompts
print(files.get_api_path("files/b/a b/c#d.txt"), files.get_api_path(PurePosixPath("files/b/å.txt")))
print(files.get_api_path(client.api_url + "files/b/a%20b/c.txt"), files.get_api_prefix())
print(files.get_display_name("files/b/a/b.txt"), files.get_display_name("files/b/a%20b/"), prompts.get_api_prefix())
resource = files.get_storage_resource("files/my-bucket/my-folder/my-file.txt")
print(resource.resource_type, resource.bucket, resource.api_path, resource.bucket_path, resource.filename)
print(resource.absolute_url.replace(URL, ""), resource.relative_url)
folder = files.get_storage_resource("files/my-bucket/my-folder/")
print(folder.filename, folder.bucket_path, folder.api_path)
root = files.get_storage_resource("files/my-bucket", allow_empty_bucket_path=True)
print(root.bucket, root.bucket_path, root.filename, root.api_path)
for wrong in ("files/my-bucket", "prompts/b/a", "/files/b/a", "v1/files/b/a", "files/b/../a", "files/b//a", "other/b/a",
              "files/b/a%2fb", "https://example.org/v1/files/b/a"):  # fmt: skip
    try:
        print(files.get_storage_resource(wrong))
    except NotDialURLError:
        print(wrong, "another server")
    except InvalidDialURLError as error:
        print(wrong, "invalid", "Invalid resource type" in error.message)
