"""The Responses API through LangChain. Run by ../test_responses.py."""

import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI


def model(name):
    return ChatOpenAI(model=name, base_url=sys.argv[1] + "/openai/v1", api_key=sys.argv[2], use_responses_api=True)


assert model("echo").invoke("Hello there").text == "Hello there"
assert "".join(chunk.text for chunk in model("echo").stream("one two three")) == "one two three"
tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
bound = model("showcase").bind_tools([tool])
asked = bound.invoke("Weather?")
(call,) = asked.tool_calls
assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
after = bound.invoke([HumanMessage("Weather?"), asked, ToolMessage("rain", tool_call_id=call["id"])])
assert "The tool said: rain" in after.text
print("ok")
