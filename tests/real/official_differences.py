"""The differences between aidial-client 0.18.0 and aidial_min that are meant, each with its reason.

An entry covers differences by case, by place in the record (wire[0].path, answer.message; * stands for anything) and,
where that says more, by the two values. The run fails on a difference that is not here and on an entry that is idle.
It knows what was decided; it must not know how anything is compared.
"""

from typing import Any, List, NamedTuple, Optional, Tuple


class Listed(NamedTuple):
    """One reason, and the differences that it covers; `...` as a value stands for any."""

    reason: str
    cases: Tuple[str, ...]
    places: Tuple[str, ...]
    official: Any = ...
    ours: Any = ...
    mode: Optional[str] = None


MISSING = "(missing)"

LISTED: List[Listed] = [
    # Faults of 0.18.0 on the wire
    Listed(
        "0.18.0 does not encode ids: # and ? cut the path, % makes a malformed one, + stays",
        ("* ids", "deployments: ids of configurations"),
        ("wire[2].path", "wire[3].path", "wire[3].query", "wire[4].path", "wire[5].path"),
    ),
    Listed(
        "0.18.0 does not encode ids, so that the server is asked about another deployment",
        ("* ids", "deployments: ids of configurations"),
        ("answer[2].message", "answer[3].message", "answer[4].message", "answer[?].status_code"),
    ),
    Listed(
        "0.18.0 asks again after the 500 that its malformed path brings",
        ("chat: ids",),
        ("wire",),
        mode="sync",
    ),
    Listed(
        "0.18.0 asks the deployment that `model` names instead of deployment_name",
        ("chat: model",),
        ("wire[?].path", "answer*"),
    ),
    Listed(
        "extra_params of 0.18.0 has no effect; ours are query parameters", ("chat: extra_params",), ("wire[0].query",)
    ),
    Listed(
        "0.18.0 leaves absolute URLs as they are; ours are encoded like all others",
        ("urls: absolute", "urls: absolute and not encoded"),
        ("wire[?].path", "answer[2]"),
    ),
    Listed(
        "0.18.0 drops the query or fragment of a URL and deletes what is left; ours refuses it",
        ("urls: absolute with a query or fragment",),
        ("wire", "answer[?]"),
    ),
    Listed(
        "0.18.0 takes the slash from the end of a folder and works on an item of that name; ours refuses it",
        (
            "urls: a folder where a file is wanted",
            "files: move_to of a folder",
            "prompts: a folder where a prompt is wanted",
        ),
        ("wire", "answer", "answer[?]", "answer.*", "answer[0].message"),
    ),
    Listed(
        "0.18.0 takes the slash from the end of a folder, whose metadata is then not there",
        ("files: get_metadata of a folder", "prompts: get_metadata of a folder"),
        ("wire[0].path", "answer"),
    ),
    Listed("0.18.0 refuses the root of a bucket", ("files: get_metadata of a bucket's root",), ("wire", "answer")),
    Listed(
        "0.18.0 refuses files in memory (only open files and bytes pass its checks)",
        (
            "files: upload BytesIO",
            "files: upload a file that was read",
            "files: upload (name, file)",
            "files: upload (name, file, type)",
        ),
        ("wire", "answer"),
    ),
    Listed(
        "0.18.0 sends a part without a filename, which Core never answers",
        ("files: upload (None, bytes, type)",),
        ("wire[0].body.parts[0].headers.content-disposition", "answer"),
    ),
    Listed(
        "a name that is not plain ASCII travels as filename* (RFC 8187) too",
        ("files: upload a name with *",),
        ("wire[0].body.parts[0].headers.content-disposition",),
    ),
    Listed(
        "content without a name gets the name of its URL, and the type that this name says",
        ("files: upload *", "files: another one's bucket", "urls: names"),
        (
            "wire[*].body.parts[0].headers.content-disposition",
            "wire[*].body.parts[0].headers.content-type",
            "answer*.content_type",
        ),
    ),
    Listed(
        "a str may be the name of a file or a text: ours refuses it and says how to write either",
        ("files: upload str",),
        ("wire", "answer"),
    ),
    # Retries
    Listed("a conflict is not retried: asking again does not resolve it", ("retries: 409",), ("wire", "answer*")),
    Listed(
        "GETs are retried after 502, 503 and 504, which 0.18.0 never does",
        ("retries: 502", "retries: 503", "retries: 504"),
        ("wire", "answer"),
    ),
    Listed(
        "the async client of 0.18.0 breaks when it should retry: 'Attempted to call an sync close on an async stream'",
        ("retries: 408", "retries: 429"),
        ("wire", "answer"),
        mode="async",
    ),
    Listed(
        "the sync client of 0.18.0 ignores max_retries in chats, and a POST is not retried after a 500",
        ("chat: answers an error", "chat: streams an error"),
        ("wire",),
        mode="sync",
    ),
    # Answers
    Listed(
        "the openai package adds its own fields to every answer, as nulls that never came",
        ("chat: *", "client: *", "retries: a chat"),
        (
            "answer*.moderation",
            "answer*.service_tier",
            "answer*.annotations",
            "answer*.audio",
            "answer*_tokens",
            "answer*.refusal",
        ),
        official=None,
        ours=MISSING,
    ),
    Listed(
        "0.18.0 turns the empty answer of a deployment without a schema into ParsingDataError",
        ("deployments: get_configuration_schema where there is none",),
        ("answer",),
        ours=None,
    ),
    Listed(
        "0.18.0 requires `items`, which the metadata of a single prompt or conversation does not have",
        ("metadata: conversations folder/two *", "metadata: prompts folder/two *", "prompts: get_metadata of one"),
        ("answer",),
    ),
    Listed(
        "the chunk with the usage that Core adds has no id, which 0.18.0 requires",
        ("chat: a stream with a usage chunk of Core",),
        ("answer*",),
    ),
    Listed(
        "0.18.0 ends silently when a stream ends without [DONE]; ours raises StreamInterruptedError",
        ("chat: a stream with no [DONE]",),
        ("answer",),
    ),
    Listed(
        "an event that is no JSON: 0.18.0 lets the parser's error through",
        ("chat: a stream with no JSON",),
        ("answer[2].raises",),
        "JSONDecodeError",
        "ParsingDataError",
    ),
    Listed(
        "0.18.0 reads an answer that is still a stream, and hides the 404 behind httpx's ResponseNotRead",
        ("files: stream_download of what is not there",),
        ("answer.raises",),
        "ResponseNotRead",
        "ResourceNotFoundError",
    ),
    # Errors
    Listed(
        "0.18.0 puts the whole body into the message of a failed chat",
        ("chat: *", "errors: * on chat"),
        ("answer.message", "answer[?].message", "answer[2][0].message"),
    ),
    Listed(
        "0.18.0 gives 500 to every error inside a stream; ours takes its numeric code",
        ("chat: a stream with an error with a numeric code",),
        ("answer[2].status_code",),
        500,
        429,
    ),
    Listed(
        "404 and 412 of the storage: 0.18.0 takes the raw body for the message and drops the other fields",
        ("errors: 404 with an object", "errors: 412 with an object"),
        ("answer[?].message", "answer[?].type", "answer[?].param", "answer[?].code", "answer[?].display_message"),
    ),
    Listed(
        "an error without a type of its own has the type of its class; 0.18.0 has null or runtime_error for all",
        ("*",),
        ("answer.type", "answer[*].type"),
        ours="invalid_request_error",
    ),
    Listed(
        "an error without a type of its own has the type of its class; 0.18.0 has null where it parses JSON",
        ("*",),
        ("answer.type", "answer[*].type"),
        None,
        "runtime_error",
    ),
    Listed(
        "an error with an empty body has the status's phrase as its message",
        ("*",),
        ("answer.message", "answer[?].message"),
        official="",
    ),
    Listed(
        "the message of EndpointNotSupportedError says that the server lacks the endpoint",
        (
            "*on a Core that has none",
            "client: a base URL with a path",
            "errors: * with No route",
            "errors: * is not found*",
        ),
        ("answer.message", "answer[?].message"),
    ),
    Listed(
        "a numeric code is text, as its annotation says",
        ("errors: 400 with a numeric code*",),
        ("answer[?].code",),
        17,
        "17",
    ),
    Listed(
        "the sentences about refused arguments are ours",
        (
            "urls: of elsewhere",
            "urls: refused*",
            "skills: references that are refused",
            "channel: arguments",
            "files: move_to and copy_to",
            "prompts: save",
        ),
        ("answer[*].message",),
    ),  # fmt: skip
    Listed(
        "the sentences about a client channel are ours, and carry the error's code",
        ("channel: an error of the server", "channel: no data", "channel: an event that is cut", "channel: no JSON"),
        ("answer.message", "answer.code"),
    ),
    Listed(
        "a message is the readable part of a body that is no JSON error object",
        ("errors: 400 with a JSON string", "errors: 400 with detail", "errors: 400 with html"),
        ("answer[?].message",),
    ),
    Listed(
        "an error object without a message keeps its other fields",
        ("errors: 400 with no message",),
        ("answer[?].code",),
        None,
        "c",
    ),
    Listed(
        "the sentences about answers that can't be read are ours, without values and links",
        ("errors: answers that are no JSON", "errors: answers that lack fields"),
        ("answer[?].message",),
    ),
    Listed(
        "where no answer came there is no status, and the message says what failed",
        ("errors: nobody listens",),
        ("answer[?].message", "answer[?].status_code", "answer[?].type"),
    ),
    Listed(
        "a URL of the same host but not below base_url belongs to another server",
        ("client: a base URL with a path",),
        ("answer[2].raises",),
        "InvalidDialURLError",
        "NotDialURLError",
    ),
    Listed(
        "the fields of a prompt are saved in the order in which they came, and the ETag is one of bytes",
        ("prompts: get, change, save",),
        ("answer[0].etag",),
    ),
    Listed("the repr of a reference is for people", ("skills: references",), ("answer[0]", "answer[3]")),
    Listed(
        "nulls in attachments are left out: Core of 2024 answers an empty 400 to them",
        ("chat: nulls in attachments",),
        ("wire[0].body.json.messages[0].custom_content.*",),
        None,
        MISSING,
    ),
    # Meant, found by this run
    Listed(
        "what is no appdata is a ParsingDataError like every other answer that is not what the API promises",
        ("bucket: AppData.parse",),
        ("answer[1]*",),
    ),
    Listed(
        "a credential goes to the scheme, host and port that the client was given, not to another scheme of the host",
        ("urls: of another scheme",),
        ("wire", "answer*"),
    ),
    Listed("our own sentence", ("urls: of another version of the API",), ("answer.message",)),
    Listed(
        "empty lists are refused early: Core would refuse them, or do nothing",
        ("permissions: grant", "permissions: grant nothing"),
        ("wire", "answer", "answer[2]"),
    ),
    Listed(
        "a JSON-RPC answer with neither result nor error is the ERROR of its toolset, not of all of them",
        ("channel: neither result nor error",),
        ("answer",),
    ),
]
