"""The only room that opens sockets: `sync` over http.client, `aio` over asyncio streams, `tls` for both."""
