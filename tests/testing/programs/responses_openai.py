"""The Responses API through the openai package: what a program does with it. Run by ../test_responses.py."""

import sys
import time

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/openai/v1", api_key=sys.argv[2], max_retries=0)

response = client.responses.create(model="echo", input="Hello there")
assert response.output_text == "Hello there", response
assert response.usage is not None and response.usage.total_tokens == 4
assert client.responses.retrieve(response.id).output_text == "Hello there"

text = ""
with client.responses.create(model="echo", input="one two", stream=True) as stream:
    for event in stream:
        if event.type == "response.output_text.delta":
            text += event.delta
        assert type(event).__name__ != "BaseModel", event
assert event.type == "response.completed" and text == event.response.output_text == "one two"

with client.responses.stream(model="echo", input="three four") as manager:
    for _ in manager:
        pass
    assert manager.get_final_response().output_text == "three four"

job = client.responses.create(model="echo", input="later", background=True)
while job.status in ("queued", "in_progress"):
    time.sleep(0.01)
    job = client.responses.retrieve(job.id)
assert job.output_text == "later"
replayed = [event.sequence_number for event in client.responses.retrieve(job.id, stream=True, starting_after=2)]
assert replayed == list(range(3, 3 + len(replayed))), replayed
client.responses.delete(job.id)

tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": False}
asked = client.responses.create(model="showcase", input="Weather?", tools=[tool])
(call,) = [item for item in asked.output if item.type == "function_call"]
assert (call.name, call.arguments) == ("get_weather", '{"city": "Paris"}')
done = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
after = client.responses.create(model="showcase", input=[{"role": "user", "content": "Weather?"}, call.to_dict(), done])
assert "The tool said: rain" in after.output_text

try:
    client.responses.create(model="nobody", input="x")
except openai.NotFoundError as error:
    assert "Unknown application" in error.response.text  # plain text, which newer versions leave out of the message
else:
    raise AssertionError("nobody answered")
print("ok")
