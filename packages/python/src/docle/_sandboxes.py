"""Sandboxes, without `await`. It is made of `_async_sandboxes.py` by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from . import _models as models
from ._code import Cells, CodeInterpreter
from ._sandbox_files import SandboxFiles
from ._sandbox_ports import SandboxPorts
from ._sandbox_processes import SandboxProcesses, SandboxSessions
from ._snapshots import Snapshots
from ._calls import Call, query, segment, to_json
from ._errors import DocleConnectionError, DocleError
from ._params import command_fields
from ._sandbox_events import Command, CommandEvent

if TYPE_CHECKING:
    from ._client import Docle

SANDBOXES = "/api/v1/sandboxes"
"""The path of sandboxes at the service."""


class Sandboxes(Cells):
    """The sandboxes of a project: machines whose files stay."""

    def create(
        self,
        *,
        key: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        language: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        runtime_config: Optional[models.RuntimeConfig] = None,
    ) -> Sandbox:
        """Makes a sandbox, which stays until it is deleted; with the `key` of one that is there, returns that one."""
        fields = {"key": key, "name": name, "description": description, "language": language, "env": env, "runtime_config": runtime_config}
        return Sandbox(self._client, models.Sandbox._read(self._client._json(Call(SANDBOXES, "POST", to_json(fields)))))

    def temporary(
        self,
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        language: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        runtime_config: Optional[models.RuntimeConfig] = None,
    ) -> TemporarySandbox:
        """A sandbox for the time of a `with`, at whose end it is deleted with its files.

        ```python
        with docle.sandboxes.temporary() as sandbox:
            print((sandbox.exec("echo hello")).stdout)
        ```
        """
        settings = {"name": name, "description": description, "language": language, "env": env, "runtime_config": runtime_config}
        return TemporarySandbox(self, settings)

    def get(self, id: str) -> Sandbox:
        """The sandbox with this id, or with `key:` and its key."""
        return Sandbox(self._client, models.Sandbox._read(self._client._json(Call(_at(id)))))

    def list(self, *, page_size: Optional[int] = None) -> Iterator[models.ListedSandbox]:
        """Gives the sandboxes, the newest first; pages are read as they are needed."""
        cursor: Optional[str] = None
        while True:
            page = models.SandboxPage._read(self._client._json(Call(SANDBOXES, query=query(limit=page_size, cursor=cursor))))
            for sandbox in page.sandboxes:
                yield sandbox
            cursor = page.next_cursor
            if cursor is None:
                return

    def delete(self, id: str) -> None:
        """Deletes a sandbox with everything in it."""
        self._client._send(Call(_at(id), "DELETE"))


class TemporarySandbox:
    """A sandbox for the time of a `with`."""

    def __init__(self, sandboxes: Sandboxes, settings: Dict[str, Any]) -> None:
        self._sandboxes = sandboxes
        self._settings = settings
        self._made: List[Sandbox] = []

    def __enter__(self) -> Sandbox:
        sandbox = self._sandboxes.create(**self._settings)
        self._made.append(sandbox)
        return sandbox

    def __exit__(self, *_: object) -> None:
        self._made.pop().delete()


class Sandbox(CodeInterpreter):
    """One sandbox."""

    def __init__(self, client: Docle, info: models.Sandbox) -> None:
        path = f"{SANDBOXES}/{info.id}"
        super().__init__(client, path)
        self.id = info.id
        self.info = info
        """What was known of it when it was last read."""
        self.files = SandboxFiles(client, path)
        self.processes = SandboxProcesses(client, path)
        self.sessions = SandboxSessions(client, path)
        self.ports = SandboxPorts(client, path)
        self.snapshots = Snapshots(client, path)

    def exec(
        self,
        command: Union[str, Sequence[str]],
        args: Optional[Sequence[str]] = None,
        *,
        session: Optional[str] = None,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        stdin: Optional[str] = None,
        timeout_ms: Optional[int] = None,
        max_output_bytes: Optional[int] = None,
    ) -> models.ExecResult:
        """Executes a command, and returns when it has ended. A command that fails is a result, too.

        command: A line for `bash -c`; or a program and its arguments, as a list or with `args`.
        session: The shell session that executes it, whose directory and variables stay for the next command.
        """
        options = {"session": session, "cwd": cwd, "env": env, "stdin": stdin, "timeout_ms": timeout_ms, "max_output_bytes": max_output_bytes}
        call = Call(f"{self._sandbox}/exec", "POST", to_json({**command_fields(command, args), **options}))
        return models.ExecResult._read(self._client._json(call))

    def stream(
        self,
        command: Union[str, Sequence[str]],
        args: Optional[Sequence[str]] = None,
        *,
        session: Optional[str] = None,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        stdin: Optional[str] = None,
        timeout_ms: Optional[int] = None,
        max_output_bytes: Optional[int] = None,
    ) -> CommandStream:
        """Executes a command, and gives its output as it is written. The parameters are those of `exec`."""
        options = {"session": session, "cwd": cwd, "env": env, "stdin": stdin, "timeout_ms": timeout_ms, "max_output_bytes": max_output_bytes}
        call = Call(f"{self._sandbox}/exec", "POST", to_json({**command_fields(command, args), **options}), "text/event-stream")
        return CommandStream(self._client, call)

    def execute(
        self, file_path: str, *, args: Optional[Sequence[str]] = None, stdin: Optional[str] = None, timeout: Optional[int] = None
    ) -> models.ExecuteResult:
        """Runs a file in the language of its ending, or else in that of the sandbox. `timeout` is in seconds."""
        fields = {"file_path": file_path, "args": args, "stdin": stdin, "timeout": timeout}
        return models.ExecuteResult._read(self._client._json(Call(f"{self._sandbox}/execute", "POST", to_json(fields))))

    def executions(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> models.SandboxExecutionPage:
        """One page of the executions, the newest first."""
        return models.SandboxExecutionPage._read(self._client._json(Call(f"{self._sandbox}/executions", query=query(limit=limit, cursor=cursor))))

    def refresh(self) -> models.Sandbox:
        """Reads what it is like. It wakes nothing."""
        return self._read(Call(self._sandbox))

    def change(
        self,
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        language: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        runtime_config: Optional[models.RuntimeConfig] = None,
    ) -> models.Sandbox:
        """Changes what is given. `env` replaces all variables."""
        fields = {"name": name, "description": description, "language": language, "env": env, "runtime_config": runtime_config}
        return self._read(Call(self._sandbox, "PATCH", to_json(fields)))

    def sleep(self) -> models.Sandbox:
        """Saves its files and ends its processes, unless a command runs."""
        return self._read(Call(f"{self._sandbox}/sleep", "POST"))

    def wake(self) -> models.Sandbox:
        """Starts it unless it runs. Every call that needs it does the same."""
        return self._read(Call(f"{self._sandbox}/wake", "POST"))

    def branch(self, *, key: Optional[str] = None, name: Optional[str] = None, snapshot: Optional[str] = None) -> Sandbox:
        """Makes another sandbox with its settings, and with the files of a snapshot or as they are now."""
        fields = {"key": key, "name": name, "snapshot": snapshot}
        return Sandbox(self._client, models.Sandbox._read(self._client._json(Call(f"{self._sandbox}/branch", "POST", to_json(fields)))))

    def delete(self) -> None:
        """Deletes it with everything in it."""
        self._client._send(Call(self._sandbox, "DELETE"))

    def _read(self, call: Call) -> models.Sandbox:
        self.info = models.Sandbox._read(self._client._json(call))
        return self.info


class CommandStream:
    """A command as events. Leaving it before its end ends the command, at the latest at the end of a `with`.

    ```python
    with sandbox.stream("make") as events:
        for event in events:
            if event.type == "stdout":
                print(event.data, end="")
    print(events.result.exit_code)
    ```
    """

    def __init__(self, client: Docle, call: Call) -> None:
        self._messages = client._messages(call)
        self._command = Command()
        self._events = self._read()

    @property
    def result(self) -> models.ExecResult:
        """How the command ended, once it has, with all of its output."""
        if self._command.result is None:
            raise DocleError("The command has not ended: read the events to their end first.")
        return self._command.result

    def __iter__(self) -> Iterator[CommandEvent]:
        return self._events

    def __enter__(self) -> CommandStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the command, if it has not ended."""
        self._messages.close()

    def _read(self) -> Iterator[CommandEvent]:
        for message in self._messages:
            event = self._command.take(message.data)
            if event is not None:
                yield event
            if self._command.result is not None:
                return
        raise DocleConnectionError("The stream ended before the command did.")


def _at(id: str) -> str:
    return f"{SANDBOXES}/{segment(id)}"
