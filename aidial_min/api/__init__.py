"""DIAL's operations, one module per area: coroutine methods of a resource class, written once for both clients.

    class _Prompts(Resource):                    # what they do: path, query, body, model of the answer
    class Prompts(_Prompts, Sync):               # client.prompts.get(url) returns a Prompt
    class AsyncPrompts(_Prompts, Async):         # await client.prompts.get(url)

An operation makes a Request and awaits it (core/operation.py says how both clients come to it). None of them knows
sockets, threads, loops or retries.
"""
