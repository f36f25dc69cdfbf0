"""The server as the recorded DIAL Core was configured, and the exchanges that were recorded from it.

`data/wire.jsonl` holds 281 exchanges with a DIAL Core 0.18.0-rc, in the order in which they happened: request and
response, with bucket ids replaced by BUCKET1, BUCKET2 (two project keys) and USERBUCKET (a bearer token). Behind Core
ran one application, under many ids.
"""

import json
from pathlib import Path
from typing import Any

from aidial_min.testing import AppError, Deployment, DialServer

EXCHANGES = Path(__file__).parent.parent / "data" / "wire.jsonl"
KEYS = {"key-one": "one", "key-two": "two"}
SERVED = {"rate": True, "tokenize": True, "truncate_prompt": True}


def deployments() -> list[Deployment]:
    plain = [Deployment(f"e{number}", behaviour="recorded") for number in range(1, 13)]
    return [
        Deployment(
            "gpt", "model", "recorded", display_name="GPT", display_version="4", features=SERVED,
            tokenizer_model="gpt-4", pricing={"unit": "token", "prompt": "0.56", "completion": "0.67"},
            token_limits={"max_total_tokens": 1000, "max_prompt_tokens": 200, "max_completion_tokens": 800},
            limits={"minute": 100000, "day": 10000000},
        ),
        Deployment("emb", "model", _embed, embeddings=True),
        Deployment("limited", "model", "recorded", limits={"minute": 10, "day": 1000000}),
        Deployment(
            "echo", "application", "recorded", display_name="Echo", display_version="1.2.3", description="Echoes",
            icon_url="http://127.0.0.1:7001/echo.svg", features={**SERVED, "tools": True},
            input_attachment_types=["image/png", "text/txt"], max_input_attachments=3, defaults={"temperature": 0},
            description_keywords=["echo", "test"], tokenize=_tokenize, truncate=_truncate,
            configuration={"type": "object", "properties": {"temperature": {"type": "number"}}},
        ),
        Deployment("dead", behaviour="dead"),
        *plain,
        Deployment("secret-app", behaviour="recorded", user_roles=["secret"]),
    ]  # fmt: skip


def _embed(request: Any) -> Any:
    """The recorded application did not look at encoding_format, and always counted three tokens."""
    data = [
        {"object": "embedding", "index": index, "embedding": [0.5, -1.25, float(len(text))]}
        for index, text in enumerate(request.texts)
    ]
    return {"object": "list", "model": "emb", "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}}


def _tokenize(given: Any) -> Any:
    if given["value"] == "bad":
        raise AppError("bad input")
    return {"token_count": len(given["value"].split()) if given["type"] == "string" else 38}


def _truncate(given: Any) -> Any:
    return {"discarded_messages": [0]}


def server() -> DialServer:
    return DialServer(keys=KEYS, deployments=deployments(), application_controller=False)


def exchanges() -> list[dict[str, Any]]:
    with EXCHANGES.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
