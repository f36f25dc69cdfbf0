"""Answers kept and compared: pickles, deep copies, JSON, sets of fields, pydantic adapters and dataclass-like use."""

import copy
import json
import pickle
import sys

from aidial_client import Dial, SigninResult
from aidial_client.types.chat import Attachment, ChatCompletionResponse, Choice, CustomContent, Stage
from aidial_client.types.deployment import Deployment, Features
from aidial_client.types.metadata import FileItem, FileMetadata
from pydantic import TypeAdapter

URL, KEY = sys.argv[1:3]
client = Dial(base_url=URL, api_key=KEY)
answer = client.chat.completions.create(deployment_name="showcase", messages=[{"role": "user", "content": "Hi"}])
again = pickle.loads(pickle.dumps(answer))
print(again == answer, type(again) is ChatCompletionResponse, copy.deepcopy(answer) == answer)
print(ChatCompletionResponse.model_validate(answer.model_dump()) == answer)
print(ChatCompletionResponse.model_validate_json(answer.model_dump_json(by_alias=True)).choices == answer.choices)
print(ChatCompletionResponse.parse_obj(json.loads(answer.json())).id == answer.id)
custom = answer.choices[0].message.custom_content
print(isinstance(answer.choices[0], Choice), custom.state, [stage.name for stage in custom.stages or []])
made = CustomContent(attachments=[Attachment(title="t", url="files/b/t")], stages=[Stage(name="s", status="completed")])
print(made.model_dump(exclude_none=True), made.model_dump(include={"state"}), made.attachments[0].index)
made.attachments.append(Attachment(title="u", data="d"))
print(len(made.model_dump()["attachments"]), made.model_copy(deep=True).attachments[1].title)
features = Features(tools=True, something_new=1)
print(features.something_new, features.model_extra, sorted(features.model_dump(exclude_unset=True)))
url = client.my_files_home() / "a.txt"
item = client.files.upload(url, b"abc")
print(isinstance(item, FileItem), isinstance(client.files.get_metadata(url), FileMetadata), item.parent_path)
print(sorted(item.model_dump(by_alias=True, exclude_none=True)))
deployments = TypeAdapter(list[Deployment]).validate_python([client.deployments.get("gpt-35-turbo").model_dump()])
print(deployments[0].id, SigninResult.SUCCESS == "success", SigninResult("denied").name)
print(sorted(attachment.title for attachment in made.attachments), answer.choices[0].message.model_dump()["role"])
