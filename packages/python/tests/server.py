"""Servers of the tests' own, which answer as a test says."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any, Callable

Handle = Callable[["Request"], None]
"""How a server answers."""
Serve = Callable[[Handle], str]
"""Starts a server; returns its address."""


class Request(BaseHTTPRequestHandler):
    """A request to a server of the test's own."""

    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, body: str = "{}", **headers: str) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in {"content_type": "application/json", **headers, "content_length": str(len(data))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def vanish(self) -> None:
        """Ends the connection without an answer."""
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass
