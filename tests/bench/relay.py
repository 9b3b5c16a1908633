# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A longer way to the nodes: a TCP relay that delivers every byte late. For kernels without netem.

    relay.py ROUND_TRIP_SECONDS PORT=ADDRESS ...     127.0.0.1:PORT leads to port 22 of ADDRESS

Each direction is half a round trip late, and a new connection is answered a whole one late, as by a far host. Prints
`ready` when it listens, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from functools import partial

CHUNK = 65536
SSH = 22

Late = asyncio.Queue[tuple[float, bytes]]


async def _read(reader: asyncio.StreamReader, late: Late, delay: float) -> None:
    """Note when each piece is due at the other end; an empty one is the end."""
    clock = asyncio.get_running_loop().time
    data = b"-"
    while data:
        try:
            data = await reader.read(CHUNK)
        except OSError:
            data = b""
        await late.put((clock() + delay, data))


async def _write(late: Late, writer: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop().time
    with contextlib.suppress(OSError):
        while True:
            due, data = await late.get()
            await asyncio.sleep(max(due - clock(), 0))
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()


async def _way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    late: Late = asyncio.Queue()
    await asyncio.gather(_read(reader, late, delay), _write(late, writer))


async def _relay(address: str, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(2 * delay)
    node_reader, node_writer = await asyncio.open_connection(address, SSH)
    try:
        await asyncio.gather(_way(reader, node_writer, delay), _way(node_reader, writer, delay))
    finally:
        for end in (writer, node_writer):
            end.close()


async def serve(round_trip: float, ways: dict[int, str]) -> None:
    """Relay until standard input ends."""
    for port, address in ways.items():
        await asyncio.start_server(partial(_relay, address, round_trip / 2), "127.0.0.1", port)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main(round_trip: str, *ways: str) -> None:
    """Parse the command line and serve."""
    pairs = (way.split("=", 1) for way in ways)
    asyncio.run(serve(float(round_trip), {int(port): address for port, address in pairs}))


if __name__ == "__main__":
    main(*sys.argv[1:])
