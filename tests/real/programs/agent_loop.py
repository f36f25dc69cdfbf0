"""An agent of a training: collects tool calls from the stream's deltas, runs tools, and asks again."""

import asyncio
import json
import sys
from typing import Any

from aidial_client import AsyncDial
from aidial_client.types.chat import FunctionParam, ToolParam
from aidial_client.types.chat.legacy.chat_completion import CustomContent, Role, ToolCall

URL, KEY = sys.argv[1:3]


class WeatherTool:
    name = "get_weather"

    @property
    def schema(self) -> ToolParam:
        parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        return ToolParam(
            type="function", function=FunctionParam(name=self.name, description="Weather", parameters=parameters)
        )

    async def execute(self, call: ToolCall) -> dict[str, Any]:
        arguments = json.loads(call.function.arguments)
        return {"role": Role.TOOL, "tool_call_id": call.id, "name": call.function.name, "content": str(arguments)}


class Agent:
    def __init__(self) -> None:
        self.tools = {tool.name: tool for tool in [WeatherTool()]}
        self.state: dict[str, Any] = {"history": []}

    async def handle(self, messages: list[dict[str, Any]]) -> str:
        client = AsyncDial(base_url=URL, api_key=KEY, api_version="2025-01-01-preview")
        chunks = await client.chat.completions.create(
            deployment_name="gemini-pro-vision",
            messages=messages,
            tools=[tool.schema for tool in self.tools.values()],
            stream=True,
        )
        calls: dict[int, Any] = {}
        content = ""
        async for chunk in chunks:
            if hasattr(chunk, "choices") and chunk.choices and len(chunk.choices) > 0:
                delta = chunk.choices[0].delta if chunk.choices[0].delta else None
                if delta and hasattr(delta, "content") and delta.content:
                    content += delta.content
                for piece in (delta.tool_calls or []) if delta else []:
                    if piece.id:
                        calls[piece.index] = piece
                    else:
                        merged = calls[piece.index]
                        merged.function.arguments = (merged.function.arguments or "") + (piece.function.arguments or "")
        tool_calls = [ToolCall.validate(call) for call in calls.values()]
        if not tool_calls:
            return content
        assistant = {
            "role": Role.ASSISTANT.value,
            "content": content or None,
            "tool_calls": [call.dict(exclude_none=True, exclude={"index"}) for call in tool_calls],
        }
        answers = await asyncio.gather(*(self.tools[call.function.name].execute(call) for call in tool_calls))
        self.state["history"] += [assistant, *answers]
        print(json.dumps([assistant, *answers], sort_keys=True))
        return await self.handle([*messages, assistant, *answers])


agent = Agent()
start = [{"role": Role.SYSTEM, "content": "Be brief"}, {"role": "user", "content": "Weather?"}]
print(asyncio.run(agent.handle(start)))
print(CustomContent(state=agent.state).dict(exclude_none=True) == {"state": agent.state})
