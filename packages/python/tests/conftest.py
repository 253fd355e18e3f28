"""The service of these tests is started by `packages/tests/python.test.ts`, which says where it is."""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from typing import Iterator

import pytest
from server import Handle, Request, Serve

from docle import Docle


@pytest.fixture
def docle() -> Iterator[Docle]:
    with Docle() as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that answer as the test says; returns their addresses."""
    servers = []

    def start(handle: Handle) -> str:
        class Own(Request):
            def do_GET(self) -> None:
                handle(self)

            do_POST = do_DELETE = do_GET

        server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
