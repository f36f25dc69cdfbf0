"""A DIAL application as people write them, with aidial-sdk, for tests/real/test_real_app.py to talk to.

A Python that has aidial-sdk and uvicorn runs it: `python app.py` listens on a free port of 127.0.0.1 and prints it.
"""

import asyncio
import os
import re
import socket

import uvicorn
from aidial_sdk import DIALApp, HTTPException
from aidial_sdk.chat_completion import ChatCompletion, Request, Response, Status


class Calculator(ChatCompletion):
    """Answers arithmetic."""

    async def chat_completion(self, request: Request, response: Response) -> None:
        with response.create_single_choice() as choice:
            left, right = map(int, re.findall(r"\d+", request.messages[-1].text()))
            choice.append_content(str(left + right))
        response.set_usage(11, 1)


class Everything(ChatCompletion):
    """Answers with everything an application can send, in as many choices as were asked for."""

    async def chat_completion(self, request: Request, response: Response) -> None:
        response.set_response_id("everything")
        response.set_model("real-application")
        response.append_header("x-application", "real")
        for number in range(request.n or 1):
            with response.create_choice() as choice:
                await self.fill(choice, number, request)
        response.add_usage_per_model("inner-1", 3, 4)
        response.add_usage_per_model("inner-2", 5, 6)
        response.set_discarded_messages([0])
        response.set_usage(8, 10)

    async def fill(self, choice, number: int, request: Request) -> None:
        with choice.create_stage("Reading") as stage:
            stage.append_name(" the request")
            stage.append_content("%d messages" % len(request.messages))
            stage.append_content(", the last: ")
            await asyncio.sleep(0.01)
            stage.append_content(request.messages[-1].text())
            stage.add_attachment(type="text/markdown", title="Found", data="**two** books")
            with stage.create_stage("Deeper") as inner:
                inner.append_content("nothing here")
        failing = choice.create_stage("Trying")
        failing.open()
        failing.close(Status.FAILED)
        for word in ("Grüße ", "№ ", "\U0001f600 ", "\u2028", str(number)):
            choice.append_content(word)
        choice.add_attachment(type="text/plain", title="Said", data=request.messages[-1].text())
        choice.add_attachment(type="image/png", url="files/b/a.png", reference_url="https://example.org/")
        choice.set_state({"number": number, "nested": {"list": [1, 2]}})
        if request.tools:
            first = choice.create_function_tool_call("call_%d" % number, "get_weather", '{"city"')
            first.append_arguments(': "Paris"')
            first.append_arguments("}")
            choice.create_function_tool_call("call_b%d" % number, "get_time", "{}")


class Slow(ChatCompletion):
    """Takes its time, so many times 0.6 seconds as the message says; heartbeats come meanwhile."""

    async def chat_completion(self, request: Request, response: Response) -> None:
        said = re.search(r"[\d.]+", request.messages[-1].text())
        with response.create_single_choice() as choice:
            for words in ("all in ", "good time"):
                await asyncio.sleep(0.6 * (float(said.group()) if said else 1))
                choice.append_content(words)


class Failing(ChatCompletion):
    """Fails as the last message says: `status text`, at once or, with `late`, after the first words."""

    async def chat_completion(self, request: Request, response: Response) -> None:
        said = request.messages[-1].text()
        if "late" in said:
            choice = response.create_single_choice()
            choice.open()
            choice.append_content("so far ")
            choice.append_content("so good")
            await response.aflush()
        if "crash" in said:
            raise ValueError("a fault of the application")
        if "die" in said:
            await asyncio.sleep(0.05)
            os._exit(1)
        status = re.search(r"\d+", said)
        raise HTTPException(
            "refused: " + said,
            status_code=int(status.group()) if status else 500,
            type="test_error",
            param="messages",
            display_message="Please try another message",
            headers={"Retry-After": "2"},
        )


app = DIALApp(add_healthcheck=True)
app.add_chat_completion("gpt-35-turbo", Calculator())
app.add_chat_completion("everything", Everything())
app.add_chat_completion("slow", Slow(), heartbeat_interval=0.1)
app.add_chat_completion("failing", Failing())

ports = set()


@app.get("/ports")
async def tell_ports():
    """The clients' ports that completions came from: as many as there were connections."""
    return sorted(ports)


async def noting_ports(scope, receive, send):
    if scope.get("method") == "POST":
        ports.add(scope["client"][1])
    await app(scope, receive, send)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(noting_ports, log_level="warning")).run(sockets=[listener])
