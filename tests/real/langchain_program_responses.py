"""LangChain's ChatOpenAI with `use_responses_api` against a DIAL server of 2026: URL and KEY as arguments.

Run by test_official_clients.py in the environment that has the package.
"""

import asyncio
import sys

from langchain_openai import ChatOpenAI

URL, KEY = sys.argv[1:3]
chat = ChatOpenAI(
    model="calculator", base_url=URL + "/openai/v1", api_key=KEY, use_responses_api=True, max_retries=0, store=True
)
answer = chat.invoke("2+3=")
print(answer.text if isinstance(answer.text, str) else answer.text())
print(answer.usage_metadata["total_tokens"] > 0)
pieces = [piece.text if isinstance(piece.text, str) else piece.text() for piece in chat.stream("2+3=")]
print("".join(pieces))


async def main():
    answer = await chat.ainvoke([("human", "2+3="), ("ai", "5"), ("human", "20+3=")])
    print(answer.text if isinstance(answer.text, str) else answer.text())


asyncio.run(main())
