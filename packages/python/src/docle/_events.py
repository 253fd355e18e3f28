"""A run as events, and the place in it after which a broken connection goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Literal, Optional, Union

from ._models import RunResult

ACCEPT = "text/event-stream, application/json;q=0.5"


@dataclass(frozen=True)
class StartEvent:
    """The program starts."""

    id: str
    """The id of the run."""
    created_at: str
    """When the run was asked for."""
    type: Literal["start"] = "start"


@dataclass(frozen=True)
class StageEvent:
    """Something comes before the program: its repository is being fetched, its packages are being installed, or it is being compiled."""

    type: Literal["fetch", "install", "compile"]


@dataclass(frozen=True)
class OutputEvent:
    """The program wrote something."""

    type: Literal["stdout", "stderr"]
    """Where to."""
    data: str
    """What it wrote, in whole characters."""


@dataclass(frozen=True)
class CompleteEvent:
    """The program has ended."""

    result: RunResult
    """How, with all of its output."""
    type: Literal["complete"] = "complete"


RunEvent = Union[StartEvent, StageEvent, OutputEvent, CompleteEvent]


class Following:
    """What has been seen of one run. After the connection broke the service tells it from its beginning."""

    def __init__(self) -> None:
        self.id: Optional[str] = None
        self.result: Optional[RunResult] = None
        self._seen = {"stdout": 0, "stderr": 0}
        self._at = {"stdout": 0, "stderr": 0}
        self._stages: List[str] = []

    def begin(self) -> None:
        """The service begins to tell the run."""
        self._at = {"stdout": 0, "stderr": 0}

    def take(self, line: str) -> Optional[RunEvent]:
        """The event of a line, if it has one that is new."""
        # Each event of the service is one line of data.
        if not line.startswith("data:"):
            return None
        return self._event(json.loads(line[5:]))

    def take_result(self, data: Dict[str, Any]) -> List[RunEvent]:
        """The events of a result that came at once."""
        events: List[RunEvent] = [StartEvent(data["id"], data["createdAt"])]
        streams: List[Literal["stdout", "stderr"]] = ["stdout", "stderr"]
        events.extend(OutputEvent(name, data[name]) for name in streams if data[name])
        self.id, self.result = data["id"], RunResult._read(data)
        return [*events, CompleteEvent(self.result)]

    def _event(self, data: Dict[str, Any]) -> Optional[RunEvent]:
        kind = data.get("type")
        if kind in ("stdout", "stderr"):
            text = str(data["data"])
            begin = self._at[kind]
            self._at[kind] += len(text)
            new = text[max(0, self._seen[kind] - begin) :]
            self._seen[kind] = max(self._seen[kind], self._at[kind])
            return OutputEvent(kind, new) if new else None
        if kind == "start":
            is_new, self.id = self.id is None, data["id"]
            return StartEvent(data["id"], data["createdAt"]) if is_new else None
        if kind in ("fetch", "install", "compile"):
            if kind in self._stages:
                return None
            self._stages.append(kind)
            return StageEvent(kind)
        if kind == "complete":
            self.result = RunResult._read(data)
            return CompleteEvent(self.result)
        # A service that is newer than this package may tell more.
        return None


class Lines:
    """Lines of a stream of bytes, ended by `\\n` alone: other line ends of Unicode are part of what a program wrote."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> List[str]:
        """The lines that these bytes complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]
