"""The pure part of the client: values in, values out.

    call.py          one call: what is asked (Request), and the policy that carries it out (carry_out)
    http11.py        the bytes of HTTP/1.1; codings.py undoes gzip and deflate, body.py makes bodies
    sse.py           events of a stream; completion_stream.py says what they mean, merge.py makes one answer of them
    settings.py      arguments and environment; limits.py, retry.py, proxy.py, credentials.py, urls.py are parts of it

No module opens a socket, sleeps, starts a thread or looks at a clock; none knows an operation or a client.
"""
