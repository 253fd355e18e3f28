"""Sandboxes, for `await`. `_sandboxes.py` is made of this file by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, List, Mapping, Optional, Sequence, Union

from . import _models as models
from ._async_code import AsyncCells, AsyncCodeInterpreter
from ._async_sandbox_files import AsyncSandboxFiles
from ._async_sandbox_ports import AsyncSandboxPorts
from ._async_sandbox_processes import AsyncSandboxProcesses, AsyncSandboxSessions
from ._async_snapshots import AsyncSnapshots
from ._calls import Call, query, segment, to_json
from ._errors import DocleConnectionError, DocleError
from ._params import command_fields
from ._sandbox_events import Command, CommandEvent

if TYPE_CHECKING:
    from ._async_client import AsyncDocle

SANDBOXES = "/api/v1/sandboxes"
"""The path of sandboxes at the service."""


class AsyncSandboxes(AsyncCells):
    """The sandboxes of a project: machines whose files stay."""

    async def create(
        self,
        *,
        key: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        language: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        runtime_config: Optional[models.RuntimeConfig] = None,
    ) -> AsyncSandbox:
        """Makes a sandbox, which stays until it is deleted; with the `key` of one that is there, returns that one."""
        fields = {"key": key, "name": name, "description": description, "language": language, "env": env, "runtime_config": runtime_config}
        return AsyncSandbox(self._client, models.Sandbox._read(await self._client._json(Call(SANDBOXES, "POST", to_json(fields)))))

    def temporary(
        self,
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        language: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        runtime_config: Optional[models.RuntimeConfig] = None,
    ) -> AsyncTemporarySandbox:
        """A sandbox for the time of a `with`, at whose end it is deleted with its files.

        ```python
        async with docle.sandboxes.temporary() as sandbox:
            print((await sandbox.exec("echo hello")).stdout)
        ```
        """
        settings = {"name": name, "description": description, "language": language, "env": env, "runtime_config": runtime_config}
        return AsyncTemporarySandbox(self, settings)

    async def get(self, id: str) -> AsyncSandbox:
        """The sandbox with this id, or with `key:` and its key."""
        return AsyncSandbox(self._client, models.Sandbox._read(await self._client._json(Call(_at(id)))))

    async def list(self, *, page_size: Optional[int] = None) -> AsyncIterator[models.ListedSandbox]:
        """Gives the sandboxes, the newest first; pages are read as they are needed."""
        cursor: Optional[str] = None
        while True:
            page = models.SandboxPage._read(await self._client._json(Call(SANDBOXES, query=query(limit=page_size, cursor=cursor))))
            for sandbox in page.sandboxes:
                yield sandbox
            cursor = page.next_cursor
            if cursor is None:
                return

    async def delete(self, id: str) -> None:
        """Deletes a sandbox with everything in it."""
        await self._client._send(Call(_at(id), "DELETE"))


class AsyncTemporarySandbox:
    """A sandbox for the time of a `with`."""

    def __init__(self, sandboxes: AsyncSandboxes, settings: Dict[str, Any]) -> None:
        self._sandboxes = sandboxes
        self._settings = settings
        self._made: List[AsyncSandbox] = []

    async def __aenter__(self) -> AsyncSandbox:
        sandbox = await self._sandboxes.create(**self._settings)
        self._made.append(sandbox)
        return sandbox

    async def __aexit__(self, *_: object) -> None:
        await self._made.pop().delete()


class AsyncSandbox(AsyncCodeInterpreter):
    """One sandbox."""

    def __init__(self, client: AsyncDocle, info: models.Sandbox) -> None:
        path = f"{SANDBOXES}/{info.id}"
        super().__init__(client, path)
        self.id = info.id
        self.info = info
        """What was known of it when it was last read."""
        self.files = AsyncSandboxFiles(client, path)
        self.processes = AsyncSandboxProcesses(client, path)
        self.sessions = AsyncSandboxSessions(client, path)
        self.ports = AsyncSandboxPorts(client, path)
        self.snapshots = AsyncSnapshots(client, path)

    async def exec(
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
        return models.ExecResult._read(await self._client._json(call))

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
    ) -> AsyncCommandStream:
        """Executes a command, and gives its output as it is written. The parameters are those of `exec`."""
        options = {"session": session, "cwd": cwd, "env": env, "stdin": stdin, "timeout_ms": timeout_ms, "max_output_bytes": max_output_bytes}
        call = Call(f"{self._sandbox}/exec", "POST", to_json({**command_fields(command, args), **options}), "text/event-stream")
        return AsyncCommandStream(self._client, call)

    async def execute(
        self, file_path: str, *, args: Optional[Sequence[str]] = None, stdin: Optional[str] = None, timeout: Optional[int] = None
    ) -> models.ExecuteResult:
        """Runs a file in the language of its ending, or else in that of the sandbox. `timeout` is in seconds."""
        fields = {"file_path": file_path, "args": args, "stdin": stdin, "timeout": timeout}
        return models.ExecuteResult._read(await self._client._json(Call(f"{self._sandbox}/execute", "POST", to_json(fields))))

    async def executions(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> models.SandboxExecutionPage:
        """One page of the executions, the newest first."""
        return models.SandboxExecutionPage._read(await self._client._json(Call(f"{self._sandbox}/executions", query=query(limit=limit, cursor=cursor))))

    async def refresh(self) -> models.Sandbox:
        """Reads what it is like. It wakes nothing."""
        return await self._read(Call(self._sandbox))

    async def change(
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
        return await self._read(Call(self._sandbox, "PATCH", to_json(fields)))

    async def sleep(self) -> models.Sandbox:
        """Saves its files and ends its processes, unless a command runs."""
        return await self._read(Call(f"{self._sandbox}/sleep", "POST"))

    async def wake(self) -> models.Sandbox:
        """Starts it unless it runs. Every call that needs it does the same."""
        return await self._read(Call(f"{self._sandbox}/wake", "POST"))

    async def branch(self, *, key: Optional[str] = None, name: Optional[str] = None, snapshot: Optional[str] = None) -> AsyncSandbox:
        """Makes another sandbox with its settings, and with the files of a snapshot or as they are now."""
        fields = {"key": key, "name": name, "snapshot": snapshot}
        return AsyncSandbox(self._client, models.Sandbox._read(await self._client._json(Call(f"{self._sandbox}/branch", "POST", to_json(fields)))))

    async def delete(self) -> None:
        """Deletes it with everything in it."""
        await self._client._send(Call(self._sandbox, "DELETE"))

    async def _read(self, call: Call) -> models.Sandbox:
        self.info = models.Sandbox._read(await self._client._json(call))
        return self.info


class AsyncCommandStream:
    """A command as events. Leaving it before its end ends the command, at the latest at the end of a `with`.

    ```python
    async with sandbox.stream("make") as events:
        async for event in events:
            if event.type == "stdout":
                print(event.data, end="")
    print(events.result.exit_code)
    ```
    """

    def __init__(self, client: AsyncDocle, call: Call) -> None:
        self._messages = client._messages(call)
        self._command = Command()
        self._events = self._read()

    @property
    def result(self) -> models.ExecResult:
        """How the command ended, once it has, with all of its output."""
        if self._command.result is None:
            raise DocleError("The command has not ended: read the events to their end first.")
        return self._command.result

    def __aiter__(self) -> AsyncIterator[CommandEvent]:
        return self._events

    async def __aenter__(self) -> AsyncCommandStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the command, if it has not ended."""
        await self._messages.aclose()

    async def _read(self) -> AsyncIterator[CommandEvent]:
        async for message in self._messages:
            event = self._command.take(message.data)
            if event is not None:
                yield event
            if self._command.result is not None:
                return
        raise DocleConnectionError("The stream ended before the command did.")


def _at(id: str) -> str:
    return f"{SANDBOXES}/{segment(id)}"
