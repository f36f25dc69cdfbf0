"""A report of what can be called: filters, sorts and dumps what the server lists, in every way models can be dumped."""

import json
import sys

from aidial_client import Dial, DialException
from aidial_client.types.deployment import Deployment
from aidial_client.types.model import ModelInfo, ModelLimits

URL, KEY = sys.argv[1:3]
with Dial(base_url=URL, api_key=KEY) as client:
    deployments = client.deployments.list()
    assert all(isinstance(deployment, Deployment) for deployment in deployments)
    for deployment in sorted(deployments, key=lambda deployment: deployment.id):
        dumped = deployment.model_dump(exclude_none=True)
        print(
            deployment.id,
            deployment.object,
            deployment.owner,
            deployment.status,
            sorted({"created_at", "defaults", "owner"} & set(dumped)),
        )
        features = deployment.features
        print("  ", features and [features.tools, features.system_prompt, features.url_attachments])
    one = client.deployments.get(deployments[0].id)
    print(
        one == deployments[0],
        json.loads(one.model_dump_json())["id"],
        one.to_dict()["id"],
        one.model_fields_set > {"id"},
    )
    print(json.loads(one.to_json())["object"], dict(one)["id"], one.model_copy().id, one.copy(update={"id": "x"}).id)
    for application in client.application.list():
        print(application.id, application.application, application.features is not None)
    for name in ("gpt-35-turbo", "gemini-pro-vision", "embedding", "none"):
        try:
            info: ModelInfo = client.model.get(name)
        except DialException as error:
            print(name, error.status_code)
            continue
        limits = info.limits or ModelLimits()
        print(info.id, limits.max_total_tokens, info.capabilities.chat_completion if info.capabilities else None)
        print("  ", getattr(info, "lifecycle_status", "?"), getattr(info, "no_such_field", "absent"))
        print("  ", info.pricing.model_dump(exclude_none=True) if info.pricing else None)
