"""What a call is, which calls are repeated, and how answers become values. Nothing here waits or sends."""

from __future__ import annotations

import json
import os
import random
import sys
import uuid
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, AsyncIterable, Dict, Iterable, Mapping, Optional, Union
from urllib.parse import quote

import httpx

from ._errors import DocleAPIError, DocleConnectionError, DocleError, DocleTimeoutError
from ._models import NAMES

USER_AGENT = f"docle-python/{version('docle')} python/{sys.version_info.major}.{sys.version_info.minor}"

RUNS = "/api/run"
"""The path of runs at the service."""

MAX_PAUSE = 30.0
"""The longest pause, in seconds, that a server may ask for before the call fails instead."""

PASSING = {429, 502, 503}
"""The call may be repeated after these if it changes nothing, or has an idempotency key."""

NOTHING_DONE = {
    "rate_limit_exceeded",
    "too_many_requests",
    "queue_full",
    "runner_busy",
    "runner_unavailable",
    "runner_mismatch",
    "sandbox_unavailable",
    "isolates_unavailable",
}
"""Nothing was done where the service says so with one of these codes, so every call may be repeated."""


@dataclass(frozen=True)
class Connection:
    """Where calls go, and with what."""

    api_key: Optional[str]
    base_url: str
    timeout: Optional[float]
    retries: int

    @classmethod
    def of(cls, api_key: Optional[str], base_url: Optional[str], timeout: Optional[float], retries: int) -> Connection:
        """The connection with these settings; what is `None` comes from the environment."""
        base = base_url or os.environ.get("DOCLE_BASE_URL") or "https://api.docle.co"
        return cls(api_key or os.environ.get("DOCLE_API_KEY"), base.rstrip("/"), timeout, retries)


@dataclass(frozen=True)
class Call:
    """A call of the service."""

    path: str
    method: str = "GET"
    body: Optional[Mapping[str, Any]] = None
    accept: str = "application/json"
    idempotency_key: Optional[str] = None
    query: Mapping[str, str] = field(default_factory=dict)
    content: Union[bytes, Iterable[bytes], AsyncIterable[bytes], None] = None
    """Sent as it is, instead of `body`."""

    def request(self, client: Any, connection: Connection) -> httpx.Request:
        """The request of this call, made by a client of httpx."""
        headers = {"accept": self.accept, "user-agent": USER_AGENT}
        if connection.api_key is not None:
            headers["authorization"] = f"Bearer {connection.api_key}"
        if self.idempotency_key is not None:
            headers["idempotency-key"] = self.idempotency_key
        content = self.content
        if content is not None:
            headers["content-type"] = "application/octet-stream"
        if self.body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()
        # A program may be silent until it ends, and nobody but the caller knows how long that may take.
        timeout = httpx.Timeout(connection.timeout, connect=min(connection.timeout or 10, 10))
        request = client.build_request(self.method, connection.base_url + self.path, params=self.query or None, headers=headers, content=content, timeout=timeout)
        assert isinstance(request, httpx.Request)
        return request


def run_call(program: Mapping[str, Any], *, idempotency_key: Optional[str] = None, accept: str = "application/json") -> Call:
    """The call that runs a program; its key lets it be repeated without running twice."""
    return Call(RUNS, "POST", to_json(program), accept, idempotency_key or str(uuid.uuid4()))


def query(**values: Union[str, int, bool, None]) -> Dict[str, str]:
    """The query with the values that are set, under their names in the API."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items() if value is not None}


def segment(name: str) -> str:
    """A name as a segment of a path."""
    return quote(name, safe="")


def to_json(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """A request's fields under their names in JSON. Those that are `None` are left out."""
    return {NAMES.get(name, name): _value(name, value) for name, value in fields.items() if value is not None}


# What these contain is the caller's own, and keeps its names.
_OWN = {"env", "metadata", "context"}


def _value(name: str, value: Any) -> Any:
    if name in _OWN:
        return value
    if isinstance(value, Mapping):
        return to_json(value)
    if isinstance(value, (list, tuple)):
        return [to_json(one) if isinstance(one, Mapping) else one for one in value]
    return value


def connection_error(error: httpx.TransportError) -> DocleConnectionError:
    """The error of a connection, as one of this package's."""
    if isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout)):
        return DocleTimeoutError("The service was silent for longer than the timeout.")
    return DocleConnectionError(f"The connection to the service failed: {error or type(error).__name__}")


def api_error(response: httpx.Response) -> DocleAPIError:
    """The error of an answer whose body has been read."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    return DocleAPIError(response.status_code, problem if isinstance(problem, dict) else {}, response.headers)


def pause_after(error: DocleError, call: Call, attempt: int, retries: int) -> Optional[float]:
    """How many seconds to wait before the call is repeated; `None` if it must not be."""
    if attempt >= retries:
        return None
    own = min(8.0, 0.25 * 2.0**attempt) * (0.5 + random.random() / 2)
    # A stream of bytes comes once.
    is_safe = (call.method != "POST" or call.idempotency_key is not None) and isinstance(call.content, (bytes, type(None)))
    if isinstance(error, DocleConnectionError):
        return own if is_safe else None
    if not isinstance(error, DocleAPIError):
        return None
    if not (error.status in PASSING if is_safe else error.code in NOTHING_DONE):
        return None
    asked = error.retry_after or 0.0
    return None if asked > MAX_PAUSE else max(asked, own)
