"""The openai package against a DIAL server, through AzureOpenAI and OpenAI: URL and KEY as arguments.

Run by test_official_clients.py in the environment that has the package.
"""

import asyncio
import base64
import struct
import sys

from openai import APIStatusError, AsyncAzureOpenAI, AzureOpenAI, NotFoundError, OpenAI, RateLimitError

URL, KEY = sys.argv[1:3]
QUESTION = [{"role": "user", "content": "2+3="}]


def chats(client):
    answer = client.chat.completions.create(model="gpt-35-turbo", messages=QUESTION)
    print(answer.object, answer.model, answer.choices[0].message.content, answer.choices[0].finish_reason)
    print(answer.usage.total_tokens > 0)
    text, finish = "", []
    for chunk in client.chat.completions.create(model="gpt-35-turbo", messages=QUESTION, stream=True):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        finish += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
    print(text, finish)
    tools = client.chat.completions.create(model="showcase", messages=QUESTION)
    call = tools.choices[0].message.tool_calls[0]
    print(tools.choices[0].finish_reason, call.function.name, call.function.arguments)
    print(sorted(tools.choices[0].message.custom_content))
    arguments = ""
    for chunk in client.chat.completions.create(model="showcase", messages=QUESTION, stream=True):
        for choice in chunk.choices:
            arguments += "".join(call.function.arguments or "" for call in choice.delta.tool_calls or [])
    print(arguments)
    counted = client.chat.completions.create(
        model="gpt-35-turbo", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    print([chunk.usage.total_tokens > 0 for chunk in counted if chunk.usage][-1:])


def embeddings(client):
    as_numbers = client.embeddings.create(model="embedding", input=["one", "two"], encoding_format="float")
    print([item.index for item in as_numbers.data], len(as_numbers.data[0].embedding))
    by_default = client.embeddings.create(model="embedding", input="one")  # asks for base64 and decodes it
    print(max(abs(a - b) for a, b in zip(by_default.data[0].embedding, as_numbers.data[0].embedding)) < 1e-6)
    packed = client.embeddings.create(model="embedding", input="one", encoding_format="base64").data[0].embedding
    print(len(base64.b64decode(packed)) == struct.calcsize("<%df" % len(as_numbers.data[0].embedding)))


def failures(client):
    try:
        client.chat.completions.create(model="missing", messages=QUESTION)
    except NotFoundError as error:
        print("not found", error.status_code)
    try:
        client.chat.completions.create(model="gpt-35-turbo", messages="nonsense")
    except APIStatusError as error:
        print("refused", error.status_code)
    try:
        client.with_options(max_retries=0).chat.completions.create(model="echo", messages=QUESTION)
    except RateLimitError as error:
        print("rate limit", error.status_code, error.response.headers["retry-after"])


async def asynchronous():
    client = AsyncAzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2024-10-21")
    answers = await asyncio.gather(
        *[client.chat.completions.create(model="gpt-35-turbo", messages=QUESTION) for _ in range(5)]
    )
    print([answer.choices[0].message.content for answer in answers])
    text = ""
    async for chunk in await client.chat.completions.create(model="gpt-35-turbo", messages=QUESTION, stream=True):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
    print(text)
    await client.close()


# As it is usually configured (the package adds /openai itself), and with the whole base URL.
azure = AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2024-10-21")
chats(azure)
chats(AzureOpenAI(base_url=URL + "/openai", api_key=KEY, api_version="2024-10-21"))
embeddings(azure)
failures(azure)
models = azure.models.list()
print(sorted(model.id for model in models), models.data[0].object)
print(azure.models.retrieve("gpt-35-turbo").id)
plain = OpenAI(base_url=URL + "/openai/v1", api_key=KEY)  # Core of 2026 takes the model from the body
print(plain.chat.completions.create(model="gpt-35-turbo", messages=QUESTION).choices[0].message.content)
asyncio.run(asynchronous())
