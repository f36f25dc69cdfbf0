"""A chat at the terminal: history as dicts, streamed and whole answers, usage, several choices, parameters."""

import json
import sys

from aidial_client import Dial
from aidial_client.types.chat import ChatCompletionResponse, Message

URL, KEY = sys.argv[1:3]
client = Dial(base_url=URL, api_key=KEY)
history: list[Message] = [{"role": "system", "content": "You are a parrot"}]


def say(text: str) -> None:
    history.append({"role": "user", "content": text})
    answer, finish, roles = "", None, []
    for chunk in client.chat.completions.create(deployment_name="echo", messages=history, stream=True):
        for choice in chunk.choices:
            answer += choice.delta.content or ""
            finish = choice.finish_reason or finish
            roles += [choice.delta.role] if choice.delta.role else []
        assert chunk.object == "chat.completion.chunk" and isinstance(chunk.id, str) and chunk.created > 0
    history.append({"role": "assistant", "content": answer})
    print(answer, finish, roles[:1])


say("Hello there, how are you?")
say("Fine")
whole: ChatCompletionResponse = client.chat.completions.create(
    deployment_name="calculator",
    messages=[{"role": "user", "content": "2+3="}],
    temperature=0,
    top_p=0.5,
    n=1,
    stop=["x"],
    max_tokens=100,
    seed=7,
    user="me",
    presence_penalty=0.1,
    frequency_penalty=0.1,
    logit_bias={"50256": -100},
    extra_params={"trace": "1"},
)
choice = whole.choices[0]
print(whole.object, choice.index, choice.message.role, choice.message.content, choice.finish_reason)
print(choice.message.tool_calls, choice.message.function_call, choice.message.refusal, choice.message.custom_content)
if whole.usage:
    print(whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens)
print(sorted(json.loads(whole.model_dump_json(exclude_none=True))))
print(len(history), json.dumps(history)[:60])
tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]
called = client.chat.completions.create(
    deployment_name="gemini-pro-vision", messages=history, tools=tools, tool_choice="auto"
)
calls = called.choices[0].message.tool_calls or []
print([(call.id, call.type, call.function.name, json.loads(call.function.arguments)) for call in calls])
assistant = called.choices[0].message.model_dump(exclude_none=True)
print(assistant["role"], [sorted(call) for call in assistant["tool_calls"]])
