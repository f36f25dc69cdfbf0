"""Cases of the differential run: deployments, models, applications and toolsets, odd ids, unknown fields.

It knows the official client's public names only; it must not know what travels or which differences are allowed.
"""

from typing import Any

from official_cases import ODD_IDS, case, custom_application
from official_recorder import Play, Raw

# Deployments, models, applications, toolsets


@case("deployments: list", generation="2024")
async def deployments(play: Play) -> Any:
    return await play(play.client.deployments.list())


@case("deployments: list in 2026")
async def deployments_2026(play: Play) -> Any:
    return await play(play.client.deployments.list())


@case("deployments: get", generation="2024")
async def deployment(play: Play) -> Any:
    return await play(play.client.deployments.get("gpt-35-turbo"))


@case("deployments: get in 2026")
async def deployment_2026(play: Play) -> Any:
    return await play(play.client.deployments.get("gpt-35-turbo"))


@case("deployments: get what is not there")
async def deployment_missing(play: Play) -> Any:
    return await play(play.client.deployments.get("missing"))


@case("deployments: list_names")
async def names(play: Play) -> Any:
    client = play.client
    found = [await play(client.deployments.list_names())]
    for types in ([], ["model"], ["application", "toolset"], ("model", "application")):
        found.append(await play(client.deployments.list_names(types)))
    return found + [await play(client.deployments.list_names(types=["toolset"]))]


@case("deployments: get_configuration_schema")
async def schema(play: Play) -> Any:
    return await play(play.client.deployments.get_configuration_schema("showcase"))


@case("deployments: get_configuration_schema where there is none")
async def no_schema(play: Play) -> Any:
    return await play(play.client.deployments.get_configuration_schema("echo"))


@case("deployments: get_configuration_schema of what is not there")
async def schema_missing(play: Play) -> Any:
    return await play(play.client.deployments.get_configuration_schema("missing"))


def enriched_deployment(raw: Raw) -> None:
    found = {
        "id": "new", "model": "new", "object": "deployment", "created_at": 1,
        "display_name": {"en": "New", "de": "Neu"},
        "description": {"en": "x"}, "features": {"rate": True, "teleport": {"level": 3}, "reasoning_efforts": ["low"]},
        "defaults": {"temperature": 0.5}, "input_attachment_types": [], "future": [1, {"a": None}], "updated_at": None,
    }  # fmt: skip
    raw.server.fail(200, path="/openai/deployments", body=found)


@case("deployments: with unknown fields", enriched_deployment)
async def deployment_enriched(play: Play) -> Any:
    return await play(play.client.deployments.get("new"))


@case("deployments: ids", generation="2024")
async def deployment_ids(play: Play) -> Any:
    client = play.client
    return await play.outcomes(*[lambda id=id: client.deployments.get(id) for id in ODD_IDS])


@case("deployments: ids of configurations", generation="2024")
async def configuration_ids(play: Play) -> Any:
    client = play.client
    return await play.outcomes(*[lambda id=id: client.deployments.get_configuration_schema(id) for id in ODD_IDS])


@case("model: get")
async def model(play: Play) -> Any:
    return await play(play.client.model.get("gpt-35-turbo"))


@case("model: get in 2024", generation="2024")
async def model_2024(play: Play) -> Any:
    return await play.outcomes(
        lambda: play.client.model.get(model_name="embedding"), lambda: play.client.model.get("missing")
    )


def enriched_model(raw: Raw) -> None:
    found = {
        "id": "m", "model": "m", "object": "model", "pricing": {"unit": "token", "prompt": "0.1", "cached": "0.01"},
        "limits": {"max_total_tokens": 9, "max_images": 2}, "capabilities": {"scale_types": ["standard"], "fly": True},
        "embedding_dimensions": 3, "features": {"tools": True}, "created_at": 1, "display_name": {"en": "M"},
    }  # fmt: skip
    raw.server.fail(200, path="/openai/models", body=found)


@case("model: with unknown fields", enriched_model)
async def model_enriched(play: Play) -> Any:
    return await play(play.client.model.get("m"))


@case("model: ids", generation="2024")
async def model_ids(play: Play) -> Any:
    return await play.outcomes(*[lambda id=id: play.client.model.get(id) for id in ODD_IDS])


@case("application: list", custom_application, generation="2024")
async def applications(play: Play) -> Any:
    return await play(play.client.application.list())


@case("application: list in 2026", custom_application)
async def applications_2026(play: Play) -> Any:
    return await play(play.client.application.list())


@case("application: get", custom_application)
async def application(play: Play) -> Any:
    client = play.client
    return await play.outcomes(
        lambda: client.application.get("app_id"),
        lambda: client.application.get(app_id="echo"),
        lambda: client.application.get("applications/%s/my%%20app" % play.bucket),
        lambda: client.application.get("missing"),
    )


@case("application: ids", generation="2024")
async def application_ids(play: Play) -> Any:
    return await play.outcomes(*[lambda id=id: play.client.application.get(id) for id in ODD_IDS])


def typed_application(raw: Raw) -> None:
    found = {
        "id": "a", "application": "a", "object": "application", "created_at": 5, "invalid": True,
        "application_type_schema_id": "https://example.org/schema", "application_properties": {"k": [1]},
        "features": {"mcp": True}, "routes": {"r": {}}, "scale_settings": {"scale_type": "standard"},
    }  # fmt: skip
    raw.server.fail(200, path="/openai/applications", body=found)


@case("application: with unknown fields", typed_application)
async def application_enriched(play: Play) -> Any:
    return await play(play.client.application.get("a"))


def stored_toolset(raw: Raw) -> None:
    toolset = {"endpoint": "http://x", "displayName": "T", "allowed_tools": ["a"], "description": "Tools"}
    raw.put_json("/v1/toolsets/%s/t" % raw.bucket, toolset)


@case("toolset: get", stored_toolset)
async def toolset(play: Play) -> Any:
    client = play.client
    return await play.outcomes(
        lambda: client.toolset.get("toolsets/%s/t" % play.bucket),
        lambda: client.toolset.get(toolset_id="toolsets/%s/missing" % play.bucket),
    )


def enriched_toolset(raw: Raw) -> None:
    found = {
        "id": "t", "toolset": "t", "object": "toolset", "display_name": {"en": "T"}, "transport": "HTTP",
        "features": {"mcp": True}, "description_keywords": ["k"], "max_retry_attempts": 2, "auth_settings": {"a": 1},
    }  # fmt: skip
    raw.server.fail(200, path="/openai/toolsets", body=found)


@case("toolset: with unknown fields", enriched_toolset)
async def toolset_enriched(play: Play) -> Any:
    return await play(play.client.toolset.get("t"))


@case("toolset: ids")
async def toolset_ids(play: Play) -> Any:
    return await play.outcomes(*[lambda id=id: play.client.toolset.get(id) for id in ODD_IDS])


@case("toolset: on a Core that has none", generation="2024")
async def toolset_2024(play: Play) -> Any:
    return await play(play.client.toolset.get("t"))
