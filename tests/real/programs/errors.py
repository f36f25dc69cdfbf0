"""What programs do with errors: statuses compared, words matched, fields shown, everything caught as one class."""

import pickle
import socket
import sys

from aidial_client import (
    AsyncDial,
    Dial,
    DialException,
    EtagMismatchError,
    InvalidDialURLError,
    InvalidRequestError,
    NotDialURLError,
    ParsingDataError,
    ResourceNotFoundError,
)

URL, KEY = sys.argv[1:3]
client = Dial(base_url=URL, api_key=KEY, max_retries=0)


def kind(error: DialException) -> str:
    if error.status_code >= 500:
        return "server"
    if error.status_code in (401, 403):
        return "credentials"
    return "request"


def show(what, call, *words):
    try:
        call()
        print(what, "no error")
    except DialException as error:
        bases = [base.__name__ for base in type(error).__mro__ if base.__module__.startswith("aidial")]
        known = [name for name in bases if name in globals()] if error.status_code == 400 else []
        said = [word for word in words if word in error.message]
        print(what, error.status_code, kind(error), known, said, error.code if words else "", len(str(error)) > 5)
    except Exception as error:
        print(what, type(error).__mro__[-3:-2], [word for word in words if word in str(error)])


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


messages = [{"role": "user", "content": "Hello"}]
bucket = client.my_bucket()
show("unknown deployment", lambda: client.chat.completions.create(deployment_name="none", messages=messages))
show("wrong key", lambda: Dial(base_url=URL, api_key="wrong").bucket.get_raw())
show("no server", lambda: Dial(base_url="http://127.0.0.1:%d" % closed_port(), api_key="k", max_retries=0).my_bucket())
show("other kind", lambda: client.files.download("prompts/%s/a" % bucket), "Invalid resource type")
show("folder", lambda: client.files.download("files/%s/a/" % bucket), "URL points to a directory, not a file")
show("bucket", lambda: client.files.download("files/a.txt"), "Missing bucket")
show("slash", lambda: client.files.download("/files/%s/a.txt" % bucket))
show("dots", lambda: client.files.upload("files/%s/../a.txt" % bucket, b""))
show("prefix", lambda: client.files.delete("v1/files/%s/a.txt" % bucket))
show("other server", lambda: client.files.download("https://example.org/v1/files/b/a.txt"), "not")
show("missing file", lambda: client.files.download("files/%s/none.txt" % bucket))
show("etag", lambda: client.files.delete("files/%s/none.txt" % bucket, etag_if_match="x"))
for cls in (Dial, AsyncDial):
    try:
        cls(base_url=URL)
    except ValueError as error:
        print("a ValueError", "At least one of api_key or bearer_token must be provided" in str(error))

for cls in (InvalidRequestError, InvalidDialURLError, NotDialURLError, ParsingDataError, EtagMismatchError,
            ResourceNotFoundError):  # fmt: skip
    made = cls("wrong", param="p", code="c", display_message="d")
    print(cls.__name__, int(made.status_code), made.type, made.param, made.code, made.display_message, made.message)
plain = DialException("text", 418, "kind", code="c")
print(plain.message, plain.status_code, plain.type, plain.param, plain.code, DialException("x").status_code)
data = {"message": "m", "code": "429", "type": "t", "display_message": "d"}
made = DialException.from_error_data(429, data)
print(made.message, made.status_code, made.code, made.type, made.display_message)
print(pickle.loads(pickle.dumps(plain)).message)
