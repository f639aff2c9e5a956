"""Runs the server: one process, or several that share a port."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Awaitable

import uvicorn
import uvloop

from stepdown.config.live import Live
from stepdown.errors import ConfigError
from stepdown.server.app import App
from stepdown.server.exchange import Exchange
from stepdown.server.files import most_of
from stepdown.server.protocol import Connection

log = logging.getLogger("stepdown.server")


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket; with port 0 the system picks one. Raises OSError where the port is taken.

    ``shared``: workers bind a socket each to the same port (SO_REUSEPORT). The kernel then
    spreads connections evenly, which workers that accept from one socket do not.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    bound.set_inheritable(True)
    return bound


def run(live: Live, bound: socket.socket, *, worker: bool = False) -> None:
    """Serve until told to stop. SIGHUP reads the configuration again."""

    app = App(live)

    class Straight(Connection):
        def max_body(self) -> int:
            return live.max_body

        def streamed(self, url: bytes) -> int:
            return most_of(url, live.max_file)

        def serve(self, exchange: Exchange) -> Awaitable[None]:
            return app.serve(exchange)

    config = uvicorn.Config(
        app,
        http=Straight,
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=30,
    )
    uvloop.run(_serve(uvicorn.Server(config), live, bound, worker=worker))


async def _serve(server: uvicorn.Server, live: Live, bound: socket.socket, *, worker: bool) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, _reload, live)
    if worker:
        live.on_reload = lambda: os.kill(os.getppid(), signal.SIGHUP)
    # What start-up made stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[bound])


def _reload(live: Live) -> None:
    try:
        for note in live.reload(tell=False):
            log.info("%s", note)
        log.info("configuration reloaded")
    except ConfigError as error:
        log.error("the old configuration stays in force:\n%s", error)
