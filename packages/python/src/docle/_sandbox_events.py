"""What commands, processes and cells of a sandbox do, as events."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Literal, Optional, Union

from ._errors import DocleAPIError, DocleConnectionError
from ._models import CodeError, CodeExecution, CodeResult, ExecResult, Process


@dataclass(frozen=True)
class SandboxOutput:
    """Something was written."""

    type: Literal["stdout", "stderr"]
    """Where to."""
    data: str
    """What, in whole characters."""
    timestamp: str
    """When."""


@dataclass(frozen=True)
class CommandStart:
    """A command has started."""

    id: str
    """The id of the execution."""
    command: str
    pid: int
    timestamp: str
    restored_from: Optional[str] = None
    """Of what time the files are, if the machine was lost before."""
    type: Literal["start"] = "start"


@dataclass(frozen=True)
class CommandComplete:
    """A command has ended."""

    result: ExecResult
    """How, with all of its output."""
    type: Literal["complete"] = "complete"


CommandEvent = Union[CommandStart, SandboxOutput, CommandComplete]


@dataclass(frozen=True)
class ProcessDropped:
    """Output that is not kept any more was missed."""

    bytes: int
    type: Literal["dropped"] = "dropped"


@dataclass(frozen=True)
class ProcessExit:
    """A process has ended."""

    process: Process
    type: Literal["exit"] = "exit"


ProcessEvent = Union[SandboxOutput, ProcessDropped, ProcessExit]


@dataclass(frozen=True)
class CellStart:
    """A cell has started."""

    id: str
    """The id of the execution."""
    context_id: str
    timestamp: str
    start_ms: Optional[float] = None
    """How long the start of the interpreter took, if the cell has started it."""
    type: Literal["start"] = "start"


@dataclass(frozen=True)
class CellResult:
    """A cell shows something."""

    result: CodeResult
    timestamp: str
    type: Literal["result"] = "result"


@dataclass(frozen=True)
class CellError:
    """A cell has failed."""

    error: CodeError
    timestamp: str
    type: Literal["error"] = "error"


@dataclass(frozen=True)
class Logs:
    """What a cell has written, piece by piece."""

    stdout: List[str] = field(default_factory=list)
    stderr: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Execution(CodeExecution):
    """A cell that has ended."""

    logs: Logs = field(default_factory=Logs)

    @property
    def text(self) -> Optional[str]:
        """The text of the value of the last expression."""
        return next((result.text for result in reversed(self.results) if result.main), None)


@dataclass(frozen=True)
class CellComplete:
    """A cell has ended."""

    execution: Execution
    type: Literal["complete"] = "complete"


CodeEvent = Union[CellStart, SandboxOutput, CellResult, CellError, CellComplete]


@dataclass(frozen=True)
class Message:
    """An event as the service sends it."""

    id: str
    data: Dict[str, Any]


class Messages:
    """The events in the lines of a stream."""

    def __init__(self) -> None:
        self._id = ""

    def take(self, line: str) -> Optional[Message]:
        """The event that a line completes. Each event of the service is one line of data."""
        if line.startswith("id:"):
            self._id = line[3:].strip()
        return Message(self._id, json.loads(line[5:])) if line.startswith("data:") else None


def position_of(message: Message, before: int) -> int:
    """The position in the output of a process after an event. The id of its end is `16-end`."""
    digits = message.id.partition("-")[0]
    return int(digits) if digits.isdigit() else before


def output_of(data: Dict[str, Any]) -> Optional[SandboxOutput]:
    """The output of an event, if it is one."""
    return SandboxOutput(data["type"], data["data"], data["timestamp"]) if data["type"] in ("stdout", "stderr") else None


class Command:
    """What has been seen of one command, whose last event does not repeat its output."""

    def __init__(self) -> None:
        self.result: Optional[ExecResult] = None
        self._told: Dict[str, List[str]] = {"stdout": [], "stderr": []}

    def take(self, data: Dict[str, Any]) -> Optional[CommandEvent]:
        """The event of a command; `None` if it is newer than this package."""
        if data["type"] == "start":
            return CommandStart(data["id"], data["command"], data["pid"], data["timestamp"], data.get("restoredFrom"))
        if data["type"] == "complete":
            stdout, stderr = ("".join(self._told[name]) for name in ("stdout", "stderr"))
            self.result = replace(ExecResult._read(data), stdout=stdout, stderr=stderr)
            return CommandComplete(self.result)
        if data["type"] == "error":
            # The response had begun when the machine was lost.
            raise DocleAPIError(200, data, {})
        output = output_of(data)
        if output is not None:
            self._told[output.type].append(output.data)
        return output


def process_event(data: Dict[str, Any]) -> Optional[ProcessEvent]:
    """The event of a process; `None` if it is newer than this package."""
    if data["type"] == "dropped":
        return ProcessDropped(data["bytes"])
    if data["type"] == "exit":
        return ProcessExit(Process._read(data["process"]))
    if data["type"] == "error":
        raise DocleConnectionError(str(data["message"]))
    return output_of(data)


class Cell:
    """What has been seen of one cell, whose last event repeats neither output nor results."""

    def __init__(self) -> None:
        self.execution: Optional[Execution] = None
        self._logs = Logs()
        self._results: List[CodeResult] = []
        self._error: Optional[CodeError] = None

    def take(self, data: Dict[str, Any]) -> Optional[CodeEvent]:
        """The event of a cell; `None` if it is newer than this package."""
        if data["type"] == "start":
            return CellStart(data["id"], data["contextId"], data["timestamp"], data.get("startMs"))
        if data["type"] == "result":
            result = CodeResult._read(data["result"])
            self._results.append(result)
            return CellResult(result, data["timestamp"])
        if data["type"] == "error":
            self._error = CodeError._read(data["error"])
            return CellError(self._error, data["timestamp"])
        if data["type"] == "complete":
            told = {**vars(CodeExecution._read(data)), "results": self._results, "error": self._error}
            told.update({name: "".join(pieces) for name, pieces in vars(self._logs).items()})
            self.execution = Execution(**told, logs=self._logs)
            return CellComplete(self.execution)
        output = output_of(data)
        if output is not None:
            (self._logs.stdout if output.type == "stdout" else self._logs.stderr).append(output.data)
        return output


def execution_of(data: Dict[str, Any]) -> Execution:
    """A cell that came at once."""
    execution = CodeExecution._read(data)
    logs = Logs(*([text] if text else [] for text in (execution.stdout, execution.stderr)))
    return Execution(**vars(execution), logs=logs)
