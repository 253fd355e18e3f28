"""The errors of calls. A program that fails is no error: its result says so."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

from ._models import FieldError


class DocleError(Exception):
    """Any error of this package."""


class DocleAPIError(DocleError):
    """The service refused a call, or could not answer it."""

    status: int
    """The status of the response."""
    code: str
    """What to act on; `GET /docs/errors` of the service lists the codes."""
    request_id: Optional[str]
    """Find the call in the service's log with it."""
    fields: List[FieldError]
    """The fields of the request that are wrong."""
    retry_after: Optional[float]
    """After how many seconds the call may be repeated, if the service says so."""

    def __init__(self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.fields = [FieldError(str(one.get("field")), str(one.get("message"))) for one in problem.get("errors") or []]
        message = str(problem.get("message") or f"The service answered {status}.")
        # A traceback is all that many people see, so it names the fields.
        super().__init__("\n".join([message, *(f"  {one.field}: {one.message}" for one in self.fields if one.message not in message)]))
        self.status = status
        self.code = str(problem.get("code") or "unknown")
        self.request_id = problem.get("requestId") or headers.get("x-request-id")
        self.retry_after = _seconds(headers.get("retry-after"))


class DocleConnectionError(DocleError):
    """The service could not be reached, or the connection broke. `__cause__` says how."""


class DocleTimeoutError(DocleConnectionError):
    """The service was silent for longer than `timeout`."""


def _seconds(text: Optional[str]) -> Optional[float]:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
