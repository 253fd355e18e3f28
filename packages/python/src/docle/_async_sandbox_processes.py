"""Processes and shell sessions of a sandbox, for `await`. `_sandbox_processes.py` is made of this file by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncGenerator, List, Mapping, Optional, Sequence, Union

import anyio

from . import _models as models
from ._calls import Call, query, segment, to_json
from ._errors import DocleConnectionError
from ._params import command_fields
from ._sandbox_events import ProcessEvent, position_of, process_event

if TYPE_CHECKING:
    from ._async_client import AsyncDocle

PAUSE = 0.5
"""Seconds before a stream that broke is taken up again."""


class AsyncSandboxProcesses:
    """Processes in the background of a sandbox. `process` is an id or a process id."""

    def __init__(self, client: AsyncDocle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/processes"

    async def start(
        self,
        command: Union[str, Sequence[str]],
        args: Optional[Sequence[str]] = None,
        *,
        name: Optional[str] = None,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        stdin: Optional[bool] = None,
        timeout_ms: Optional[int] = None,
    ) -> models.Process:
        """Starts a process, which goes on without this client. `command` is as that of `exec`.

        stdin: `True` keeps standard input open for `write`.
        """
        fields = {**command_fields(command, args), "name": name, "cwd": cwd, "env": env, "stdin": stdin, "timeout_ms": timeout_ms}
        return await self._post("", fields)

    async def list(self, *, status: Optional[models.ProcessStatus] = None) -> List[models.Process]:
        """The processes. It wakes nothing."""
        return models.ProcessList._read(await self._client._json(Call(self._path, query=query(status=status)))).processes

    async def get(self, process: Union[str, int]) -> models.Process:
        """One process."""
        return models.Process._read(await self._client._json(Call(self._at(process))))

    async def logs(self, process: Union[str, int], *, after: int = 0) -> models.ProcessLogs:
        """The output that is kept, after a position."""
        return models.ProcessLogs._read(await self._client._json(Call(self._at(process, "/logs"), query=query(after=after))))

    async def follow(self, process: Union[str, int], *, after: int = 0) -> AsyncGenerator[ProcessEvent, None]:
        """Gives the output that is kept and what comes, until the process ends. A connection that breaks is taken up where it was."""
        retries = left = self._client._connection.retries
        while True:
            try:
                call = Call(self._at(process, "/logs"), accept="text/event-stream", query=query(after=after))
                async for message in self._client._messages(call):
                    event = process_event(message.data)
                    after, left = position_of(message, after), retries
                    if event is not None:
                        yield event
                    if event is not None and event.type == "exit":
                        return
                raise DocleConnectionError("The stream ended before the process did.")
            except DocleConnectionError:
                if left <= 0:
                    raise
                left -= 1
            await anyio.sleep(PAUSE)

    async def write(self, process: Union[str, int], data: str, *, close: Optional[bool] = None) -> models.Process:
        """Writes to standard input; with `close` it ends there."""
        return await self._post(self._rest(process, "/stdin"), {"data": data, "close": close})

    async def signal(self, process: Union[str, int], signal: str) -> models.Process:
        """Sends a signal, such as `"SIGINT"`, to the process group."""
        return await self._post(self._rest(process, "/signal"), {"signal": signal})

    async def wait(
        self,
        process: Union[str, int],
        *,
        port: Optional[int] = None,
        log: Optional[str] = None,
        regex: Optional[str] = None,
        timeout_ms: Optional[int] = None,
    ) -> models.WaitResult:
        """Waits for a port that listens, a line of output, or the end of the process."""
        fields = {"port": port, "log": log, "regex": regex, "timeout_ms": timeout_ms}
        return models.WaitResult._read(await self._client._json(Call(self._at(process, "/wait"), "POST", to_json(fields))))

    async def kill(self, process: Union[str, int], *, forget: Optional[bool] = None) -> models.Process:
        """Ends a process and everything that it has started; with `forget` it is not listed any more."""
        return models.Process._read(await self._client._json(Call(self._at(process), "DELETE", query=query(forget=forget))))

    async def kill_all(self) -> List[models.Process]:
        """Ends all processes."""
        return models.ProcessList._read(await self._client._json(Call(self._path, "DELETE"))).processes

    def _rest(self, process: Union[str, int], rest: str = "") -> str:
        return f"/{segment(str(process))}{rest}"

    def _at(self, process: Union[str, int], rest: str = "") -> str:
        return self._path + self._rest(process, rest)

    async def _post(self, rest: str, fields: Mapping[str, Any]) -> models.Process:
        return models.Process._read(await self._client._json(Call(self._path + rest, "POST", to_json(fields))))


class AsyncSandboxSessions:
    """Shells of a sandbox that keep what commands set: `exec(…, session=…)` uses one."""

    def __init__(self, client: AsyncDocle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/sessions"

    async def create(self, id: Optional[str] = None, *, cwd: Optional[str] = None, env: Optional[Mapping[str, str]] = None) -> models.SandboxSession:
        """Makes a session with a directory and variables."""
        fields = {"id": id, "cwd": cwd, "env": env}
        return models.SandboxSession._read(await self._client._json(Call(self._path, "POST", to_json(fields))))

    async def list(self) -> List[models.SandboxSession]:
        """The sessions."""
        return models.SessionList._read(await self._client._json(Call(self._path))).sessions

    async def delete(self, id: str) -> None:
        """Ends its shell with everything that it has started."""
        await self._client._send(Call(f"{self._path}/{segment(id)}", "DELETE"))
