"""The only room that opens sockets, waits and starts threads.

    transport.py     what clients call; it carries out what core/call.py decides
    connections.py   places and idle connections; exchange.py is one request on one of them
    streams.py       what users hold of an answer that is still coming; downloads.py of a file
    verbs.py         the seam: all of these are written once, and wait by the verbs of sync.py or of aio.py

Nothing here decides about retries, errors or credentials, or knows an operation.
"""
