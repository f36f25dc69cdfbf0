"""The openai package's Responses API against a DIAL server of 2026, and its types over what our client gets.

URL and KEY are arguments. Run by test_official_clients.py in the environment that has the package; ours comes from
PYTHONPATH.
"""

import asyncio
import sys
import time

from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response

from aidial_min import Dial

URL, KEY = sys.argv[1:3]
QUESTION = [{"role": "user", "content": "2+3="}]

client = OpenAI(base_url=URL + "/openai/v1", api_key=KEY, max_retries=0)
answer = client.responses.create(model="calculator", input=QUESTION)
print(answer.output_text, answer.status, answer.usage.total_tokens > 0)
with client.responses.create(model="calculator", input="2+3=", stream=True) as events:
    kinds = [event.type for event in events]
print(kinds[0], kinds[-1], len(kinds))
with client.responses.stream(model="calculator", input="2+3=") as stream:
    print(stream.get_final_response().output_text)
queued = client.responses.create(model="calculator", input="2+3=", background=True)
while queued.status in ("queued", "in_progress"):
    time.sleep(0.01)
    queued = client.responses.retrieve(queued.id)
print(queued.output_text)
client.responses.delete(queued.id)
for fault in (lambda: client.responses.retrieve(queued.id), lambda: client.responses.create(model="none", input="x")):
    try:
        fault()
    except NotFoundError as error:
        print("not found", error.status_code)
try:
    client.responses.create(model="calculator", input="x", previous_response_id=answer.id)
except BadRequestError as error:
    print("refused", error.status_code)


async def main():
    async with AsyncOpenAI(base_url=URL + "/openai/v1", api_key=KEY) as other:
        print((await other.responses.create(model="calculator", input=QUESTION)).output_text)
        async with other.responses.stream(model="calculator", input="2+3=") as stream:
            print((await stream.get_final_response()).output_text)


asyncio.run(main())

# What our client gets is what their types describe, and their items go into our calls.
with Dial(base_url=URL, api_key=KEY) as ours:
    got = ours.responses.create(model="calculator", input=[*QUESTION, *answer.output, *QUESTION])
    print(Response.model_validate(got.to_dict()).output_text == got.output_text == "5")
    merged = ours.responses.create(model="calculator", input=QUESTION, stream=True).result()
    print(Response.model_validate(merged.to_dict()).output_text)
