"""The interpreter of a sandbox, for `await`. `_code.py` is made of this file by unasync.py."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar, Union

from . import _models as models
from ._calls import Call, segment, to_json
from ._errors import DocleConnectionError, DocleError
from ._params import Files, files_of
from ._sandbox_events import Cell, CellError, CellResult, CodeEvent, Execution, SandboxOutput, execution_of

if TYPE_CHECKING:
    from ._async_client import AsyncDocle

Context = Union[str, models.CodeContext]
"""A context, or its id."""

Told = TypeVar("Told")
EVENTS = "text/event-stream"


class AsyncCodeStream:
    """A cell as events. Leaving it before its end interrupts the cell, at the latest at the end of a `with`."""

    def __init__(self, client: AsyncDocle, call: Call) -> None:
        self._cell = Cell()
        self._messages = client._messages(call)
        self._events = self._read()

    @property
    def execution(self) -> Execution:
        """How the cell ended, once it has."""
        if self._cell.execution is None:
            raise DocleError("The cell has not ended: read the events to their end first.")
        return self._cell.execution

    def __aiter__(self) -> AsyncIterator[CodeEvent]:
        return self._events

    async def __aenter__(self) -> AsyncCodeStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Interrupts the cell, if it has not ended."""
        await self._messages.aclose()

    async def _read(self) -> AsyncIterator[CodeEvent]:
        async for message in self._messages:
            event = self._cell.take(message.data)
            if event is not None:
                yield event
            if self._cell.execution is not None:
                return
        raise DocleConnectionError("The stream ended before the cell did.")


class AsyncCodeInterpreter:
    """Interpreters that keep what one cell has made for the next."""

    def __init__(self, client: AsyncDocle, sandbox: str) -> None:
        self._client = client
        self._sandbox = sandbox

    async def create_code_context(
        self,
        language: Optional[str] = None,
        *,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        env_vars: Optional[Mapping[str, str]] = None,
    ) -> models.CodeContext:
        """Makes an interpreter of `python`, `javascript`, `typescript` or `bash`. `env_vars` is the same as `env`."""
        fields = {"language": language, "cwd": cwd, "env": _together(env, env_vars)}
        return models.CodeContext._read(await self._client._json(Call(f"{self._sandbox}/contexts", "POST", to_json(fields))))

    async def list_code_contexts(self) -> List[models.CodeContext]:
        """The contexts, the oldest first; none while it sleeps."""
        return models.ContextList._read(await self._client._json(Call(f"{self._sandbox}/contexts"))).contexts

    async def delete_code_context(self, context: Context) -> None:
        """Ends a context with everything that its cells have started."""
        await self._client._send(Call(self._of(context), "DELETE"))

    async def restart_code_context(self, context: Context) -> models.CodeContext:
        """Starts the interpreter of a context anew, empty."""
        return models.CodeContext._read(await self._client._json(Call(f"{self._of(context)}/restart", "POST")))

    async def interrupt_code_context(self, context: Context) -> None:
        """Interrupts the cell that runs in a context, as Ctrl-C does."""
        await self._client._send(Call(f"{self._of(context)}/interrupt", "POST"))

    async def run_code(
        self,
        code: str,
        *,
        context: Optional[Context] = None,
        language: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        env_vars: Optional[Mapping[str, str]] = None,
        timeout_ms: Optional[int] = None,
        max_output_bytes: Optional[int] = None,
        on_stdout: Optional[Callable[[SandboxOutput], Any]] = None,
        on_stderr: Optional[Callable[[SandboxOutput], Any]] = None,
        on_result: Optional[Callable[[models.CodeResult], Any]] = None,
        on_error: Optional[Callable[[models.CodeError], Any]] = None,
    ) -> Execution:
        """Runs a cell to its end, and tells the callbacks what it writes and shows meanwhile. A cell that fails is an execution, too.

        context: The context, or its id. Without one the default context of `language` runs the cell.
        """
        options: Dict[str, Any] = {"context": context, "language": language, "env": env, "env_vars": env_vars, "timeout_ms": timeout_ms, "max_output_bytes": max_output_bytes}
        if not (on_stdout or on_stderr or on_result or on_error):
            return execution_of(await self._client._json(self._cell(code, "application/json", **options)))
        return await _told(AsyncCodeStream(self._client, self._cell(code, EVENTS, **options)), on_stdout, on_stderr, on_result, on_error)

    def run_code_stream(
        self,
        code: str,
        *,
        context: Optional[Context] = None,
        language: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        env_vars: Optional[Mapping[str, str]] = None,
        timeout_ms: Optional[int] = None,
        max_output_bytes: Optional[int] = None,
    ) -> AsyncCodeStream:
        """Runs a cell, and gives what it writes and shows as it comes."""
        options: Dict[str, Any] = {"context": context, "language": language, "env": env, "env_vars": env_vars, "timeout_ms": timeout_ms, "max_output_bytes": max_output_bytes}
        return AsyncCodeStream(self._client, self._cell(code, EVENTS, **options))

    def _of(self, context: Context) -> str:
        return f"{self._sandbox}/contexts/{segment(context if isinstance(context, str) else context.id)}"

    def _cell(self, code: str, accept: str, *, context: Optional[Context], language: Optional[str], env: Any, env_vars: Any, **limits: Any) -> Call:
        # A context has its language.
        path = f"{self._sandbox}/code" if context is None else f"{self._of(context)}/run"
        fields = {"code": code, "language": language if context is None else None, "env": _together(env, env_vars), **limits}
        return Call(path, "POST", to_json(fields), accept)


class AsyncCells:
    """Cells of code, each in an interpreter that is started for it and ends with it."""

    def __init__(self, client: AsyncDocle) -> None:
        self._client = client

    async def run_code(
        self,
        code: str,
        *,
        language: Optional[str] = None,
        files: Optional[Files] = None,
        packages: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
        timeout_ms: Optional[int] = None,
        memory_mb: Optional[int] = None,
        max_output_bytes: Optional[int] = None,
        allow_network: Optional[bool] = None,
        allowed_hosts: Optional[Sequence[str]] = None,
        user_context: Optional[models.UserContext] = None,
        on_stdout: Optional[Callable[[SandboxOutput], Any]] = None,
        on_stderr: Optional[Callable[[SandboxOutput], Any]] = None,
        on_result: Optional[Callable[[models.CodeResult], Any]] = None,
        on_error: Optional[Callable[[models.CodeError], Any]] = None,
    ) -> Execution:
        """Runs a cell on its own: no sandbox is made, and nothing is kept. A cell that fails is an execution, too."""
        options: Dict[str, Any] = {"language": language, "packages": packages, "env": env, "timeout_ms": timeout_ms, "memory_mb": memory_mb, "max_output_bytes": max_output_bytes}
        options.update({"allow_network": allow_network, "allowed_hosts": allowed_hosts, "user_context": user_context})
        if not (on_stdout or on_stderr or on_result or on_error):
            return execution_of(await self._client._json(_alone(code, files, "application/json", options)))
        return await _told(AsyncCodeStream(self._client, _alone(code, files, EVENTS, options)), on_stdout, on_stderr, on_result, on_error)

    def run_code_stream(
        self,
        code: str,
        *,
        language: Optional[str] = None,
        files: Optional[Files] = None,
        packages: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
        timeout_ms: Optional[int] = None,
        memory_mb: Optional[int] = None,
        max_output_bytes: Optional[int] = None,
        allow_network: Optional[bool] = None,
        allowed_hosts: Optional[Sequence[str]] = None,
        user_context: Optional[models.UserContext] = None,
    ) -> AsyncCodeStream:
        """The same, and gives what the cell writes and shows as it comes."""
        options: Dict[str, Any] = {"language": language, "packages": packages, "env": env, "timeout_ms": timeout_ms, "memory_mb": memory_mb, "max_output_bytes": max_output_bytes}
        options.update({"allow_network": allow_network, "allowed_hosts": allowed_hosts, "user_context": user_context})
        return AsyncCodeStream(self._client, _alone(code, files, EVENTS, options))


def _alone(code: str, files: Optional[Files], accept: str, options: Mapping[str, Any]) -> Call:
    fields = {"code": code, "files": None if files is None else files_of(files), **options}
    return Call("/api/v1/code", "POST", to_json(fields), accept)


async def _told(
    stream: AsyncCodeStream,
    on_stdout: Optional[Callable[[SandboxOutput], Any]],
    on_stderr: Optional[Callable[[SandboxOutput], Any]],
    on_result: Optional[Callable[[models.CodeResult], Any]],
    on_error: Optional[Callable[[models.CodeError], Any]],
) -> Execution:
    async with stream as events:
        async for event in events:
            if isinstance(event, SandboxOutput):
                await _tell(on_stdout if event.type == "stdout" else on_stderr, event)
            elif isinstance(event, CellResult):
                await _tell(on_result, event.result)
            elif isinstance(event, CellError):
                await _tell(on_error, event.error)
    return events.execution


def _together(env: Optional[Mapping[str, str]], env_vars: Optional[Mapping[str, str]]) -> Optional[Mapping[str, str]]:
    return env if env_vars is None else {**(env or {}), **env_vars}


async def _tell(callback: Optional[Callable[[Told], Any]], value: Told) -> None:
    if callback is not None:
        answer = callback(value)
        if isawaitable(answer):
            await answer
