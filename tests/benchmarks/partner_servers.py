"""Servers of partners for the benchmark of webhooks, in one process: `python -m tests.benchmarks.partner_servers PORT…`

A healthy one answers at once, a slow one after four seconds, a dead one takes the connection and never answers. Each event
that comes in for the first time is written as a line: the port, its id, and the time it came in.
"""

import asyncio
import sys
import time
from contextlib import suppress

SLOW_SECONDS = 4.0
_OK = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def main(healthy: list[int], slow: list[int], dead: list[int]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(fields["content-length"]))
            sys.stdout.write(f"{port} {fields['webhook-id']} {time.time():.4f}\n")
            if port in dead:
                await asyncio.sleep(120)
            if port in slow:
                await asyncio.sleep(SLOW_SECONDS)
            writer.write(_OK)
            await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(answer, "127.0.0.1", port, backlog=512) for port in (*healthy, *slow, *dead)]
    sys.stdout.write("ready\n")
    while True:
        sys.stdout.flush()
        await asyncio.sleep(0.2)
        assert servers


if __name__ == "__main__":
    asyncio.run(main(*[[int(port) for port in group.split(",") if port] for group in sys.argv[1:4]]))
