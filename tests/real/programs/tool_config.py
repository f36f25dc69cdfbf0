"""Descriptions of deployments as tools: applications where there is no such deployment, and its own test doubles."""

import asyncio
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock, create_autospec

from aidial_client import AsyncDial, DialException, ModelInfo, ToolsetInfo
from aidial_client.types.application import Application
from aidial_client.types.bucket import BucketResponse
from aidial_client.types.deployment import Deployment, DeploymentBase, Features
from aidial_client.types.metadata import FileMetadata

URL, KEY = sys.argv[1:3]


async def describe(client: AsyncDial, name: str) -> dict[str, Any]:
    try:
        found: DeploymentBase = await client.deployments.get(name)
    except DialException as error:
        if error.status_code != 404:
            raise
        found = await client.application.get(name)
    features = found.features or Features()
    return {
        "id": found.id,
        "kind": type(found).__name__,
        "types": found.input_attachment_types,
        "tools": features.tools,
        "configuration": bool(getattr(features, "configuration", False)),
        "schema": await client.deployments.get_configuration_schema(found.id) if features.configuration else None,
    }


def made(status_code: int) -> DialException:
    error = DialException.__new__(DialException)
    error.status_code = status_code
    error.message = f"HTTP {status_code}"
    return error


async def main() -> None:
    async with AsyncDial(base_url=URL, api_key=KEY) as client:
        for name in ("gpt-35-turbo", "showcase", "no-such-thing"):
            try:
                print(await describe(client, name))
            except DialException as error:
                print(name, error.status_code)
        info = await client.model.get("gpt-35-turbo")
        assert isinstance(info, ModelInfo)
        print(info.id, info.limits and info.limits.max_prompt_tokens, info.pricing and info.pricing.unit)

    double = MagicMock(spec=AsyncDial)
    application = MagicMock(spec=Application)
    application.configure_mock(id="app", features=None, input_attachment_types=["*/*"])
    double.deployments = SimpleNamespace(get=AsyncMock(side_effect=made(404)))
    double.application = SimpleNamespace(get=AsyncMock(return_value=application))
    print((await describe(double, "app"))["types"], made(404).message)
    double.deployments.get.assert_awaited_once_with("app")
    toolset = MagicMock(spec=ToolsetInfo)
    print(isinstance(toolset, ToolsetInfo), isinstance(create_autospec(AsyncDial, instance=True), AsyncDial))

    home = BucketResponse(bucket="b", appdata="user/appdata/app")
    print(home, home.appdata, BucketResponse(bucket="b").appdata)
    file = FileMetadata(
        name="a.png", parent_path="images", bucket="b", url="files/b/images/a.png", node_type="ITEM",
        resource_type="FILE",
    )  # fmt: skip
    print(file.parent_path, file == FileMetadata(**file.model_dump()), file.content_length, file.items)
    deployment = Deployment.model_construct(id="d", features=Features(tools=True))
    print(deployment.id, deployment.features.tools, deployment.features.seed)


asyncio.run(main())
