"""The pure part of the client: values in, values out. No sockets, no ssl, no clocks, no sleeping."""
