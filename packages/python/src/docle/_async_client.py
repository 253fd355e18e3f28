"""The client, for `await`. `_client.py` is made of this file by unasync.py."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, AsyncGenerator, AsyncIterator, Dict, List, Mapping, Optional, Sequence, Union

import anyio
import httpx

from . import _models as models
from ._async_rooms import AsyncRooms
from ._async_sandboxes import AsyncSandboxes
from ._calls import RUNS, Call, Connection, api_error, connection_error, pause_after, run_call, segment, to_json
from ._errors import DocleConnectionError, DocleError
from ._events import ACCEPT, Following, Lines, RunEvent
from ._params import Files, program
from ._sandbox_events import Message, Messages


class AsyncDocle:
    """A client of the service: everything that an API key can do.

    It holds connections: use it with `async with`, or call `aclose()`.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        *,
        base_url: Optional[str] = None,
        timeout: Optional[float] = None,
        retries: int = 2,
        http_client: Optional[httpx.AsyncClient] = None,
    ) -> None:
        """Makes a client.

        api_key: The API key, or a run token; without it the environment variable `DOCLE_API_KEY`.
        base_url: The address of the service; without it `DOCLE_BASE_URL`, or else https://api.docle.co.
        timeout: For how many seconds the service may be silent; without it as long as it needs. A run that is not streamed
            is silent until it has ended.
        retries: How often a call is repeated if nothing came of it.
        http_client: Sends the requests; it stays open when this client is closed.
        """
        self._connection = Connection.of(api_key, base_url, timeout, retries)
        self._owns_http = http_client is None
        self._http = http_client or httpx.AsyncClient()
        self.runs = AsyncRuns(self)
        self.isolates = AsyncIsolates(self)
        self.tokens = AsyncTokens(self)
        self.rooms = AsyncRooms(self)
        self.sandboxes = AsyncSandboxes(self)

    async def run(
        self,
        code: Optional[str] = None,
        *,
        lang: str,
        files: Optional[Files] = None,
        repo: Optional[models.Repository] = None,
        entrypoint: Optional[str] = None,
        stdin: Optional[str] = None,
        args: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
        packages: Optional[Sequence[str]] = None,
        compile: Optional[models.CompileRequest] = None,
        policy: Optional[models.Policy] = None,
        artifacts: Optional[Sequence[str]] = None,
        artifacts_inline: Optional[bool] = None,
        user_context: Optional[models.UserContext] = None,
        idempotency_key: Optional[str] = None,
    ) -> models.RunResult:
        """Runs a program, and returns its result when it has ended. A program that fails is a result, too.

        Raises `DocleAPIError` if the service refuses the run, and `DocleConnectionError` if it cannot be reached.
        """
        fields = program(code, lang, files, repo, entrypoint, stdin, args, env, packages, compile, policy, artifacts, artifacts_inline, user_context)
        return models.RunResult._read(await self._json(run_call(fields, idempotency_key=idempotency_key)))

    def stream(
        self,
        code: Optional[str] = None,
        *,
        lang: str,
        files: Optional[Files] = None,
        repo: Optional[models.Repository] = None,
        entrypoint: Optional[str] = None,
        stdin: Optional[str] = None,
        args: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
        packages: Optional[Sequence[str]] = None,
        compile: Optional[models.CompileRequest] = None,
        policy: Optional[models.Policy] = None,
        artifacts: Optional[Sequence[str]] = None,
        artifacts_inline: Optional[bool] = None,
        user_context: Optional[models.UserContext] = None,
        idempotency_key: Optional[str] = None,
    ) -> AsyncRunStream:
        """Runs a program, and gives its output as it is written. If the connection breaks, the stream goes on where it was."""
        fields = program(code, lang, files, repo, entrypoint, stdin, args, env, packages, compile, policy, artifacts, artifacts_inline, user_context)
        return AsyncRunStream(self, run_call(fields, idempotency_key=idempotency_key, accept=ACCEPT))

    async def batch(self, batch: Union[models.InputsRequest, models.BatchRequest]) -> models.BatchResult:
        """Runs one program with many inputs, or many programs, and returns all results when they have ended.

        A batch is not repeated after a broken connection, because its runs would be others.
        """
        return models.BatchResult._read(await self._json(Call(f"{RUNS}/batch", "POST", to_json(batch))))

    async def judge(self, judgement: models.JudgeRequest) -> models.JudgeResult:
        """Runs a program against tests, and returns a verdict on each."""
        return models.JudgeResult._read(await self._json(Call(f"{RUNS}/judge", "POST", to_json(judgement))))

    async def languages(self) -> models.Languages:
        """The languages of the service, with their versions."""
        return models.Languages._read(await self._json(Call("/languages")))

    async def health(self) -> models.Health:
        """Whether the service works."""
        return models.Health._read(await self._json(Call("/health")))

    def with_options(self, *, timeout: Optional[float] = None, retries: Optional[int] = None) -> AsyncDocle:
        """The same client with other settings for some calls: `docle.with_options(timeout=5).health()`."""
        own = self._connection
        return AsyncDocle(
            own.api_key,
            base_url=own.base_url,
            timeout=own.timeout if timeout is None else timeout,
            retries=own.retries if retries is None else retries,
            http_client=self._http,
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> AsyncDocle:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _json(self, call: Call) -> Dict[str, Any]:
        response = await self._send(call)
        return response.json() if response.content else {}

    async def _send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Sends a call, and repeats it if nothing can have come of it. The response is a success."""
        attempt = 0
        while True:
            failure: DocleError
            cause: Optional[Exception] = None
            try:
                response = await self._http.send(call.request(self._http, self._connection), stream=True)
                if stream and response.is_success:
                    return response
                await response.aread()
                if response.is_success:
                    return response
                failure = api_error(response)
            except httpx.TransportError as error:
                failure, cause = connection_error(error), error
            pause = pause_after(failure, call, attempt, self._connection.retries)
            if pause is None:
                raise failure from cause
            await anyio.sleep(pause)
            attempt += 1

    async def _messages(self, call: Call) -> AsyncGenerator[Message, None]:
        """The events of a stream until its connection ends. Leaving them ends the connection."""
        response = await self._send(call, stream=True)
        lines, messages = Lines(), Messages()
        try:
            async for data in response.aiter_bytes():
                for line in lines.feed(data):
                    message = messages.take(line)
                    if message is not None:
                        yield message
        except httpx.TransportError as error:
            raise connection_error(error) from error
        finally:
            await response.aclose()


class AsyncRunStream:
    """A run as events. Leaving it before its end ends the run, at the latest at the end of a `with`.

    ```python
    async with docle.stream(code, lang="python") as events:
        async for event in events:
            if event.type == "stdout":
                print(event.data, end="")
    print(events.result.status)
    ```
    """

    def __init__(self, client: AsyncDocle, call: Call, *, ends_run: bool = True) -> None:
        self._client = client
        self._call = call
        self._ends_run = ends_run
        self._following = Following()
        self._events = self._follow()

    @property
    def result(self) -> models.RunResult:
        """How the program ended, once it has."""
        if self._following.result is None:
            raise DocleError("The program has not ended: read the events to their end first.")
        return self._following.result

    def __aiter__(self) -> AsyncIterator[RunEvent]:
        return self._events

    async def __aenter__(self) -> AsyncRunStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the run, if it has not ended."""
        await self._events.aclose()

    async def _follow(self) -> AsyncGenerator[RunEvent, None]:
        left = self._client._connection.retries
        try:
            while True:
                try:
                    async for event in self._once():
                        yield event
                    if self._following.result is not None:
                        return
                    raise DocleConnectionError("The stream ended before the run did.")
                except DocleConnectionError:
                    if left <= 0:
                        raise
                    left -= 1
        finally:
            # A run with an idempotency key goes on without its client, unless it is told to end.
            if self._ends_run and self._following.result is None and self._following.id is not None:
                # Whatever becomes of that, it ends at its own limits.
                with suppress(DocleError):
                    await self._client.with_options(timeout=10, retries=0).runs.cancel(self._following.id)

    async def _once(self) -> AsyncIterator[RunEvent]:
        """The events until the connection ends, without those that have been seen."""
        response = await self._client._send(self._call, stream=True)
        self._following.begin()
        try:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                for event in self._following.take_result(json.loads(await response.aread())):
                    yield event
                return
            lines = Lines()
            async for data in response.aiter_bytes():
                for line in lines.feed(data):
                    event_of_line = self._following.take(line)
                    if event_of_line is not None:
                        yield event_of_line
        except httpx.TransportError as error:
            raise connection_error(error) from error
        finally:
            await response.aclose()


class AsyncRuns:
    """Runs that go on without their caller, and runs that have ended."""

    def __init__(self, client: AsyncDocle) -> None:
        self._client = client

    async def start(
        self,
        code: Optional[str] = None,
        *,
        lang: str,
        files: Optional[Files] = None,
        repo: Optional[models.Repository] = None,
        entrypoint: Optional[str] = None,
        stdin: Optional[str] = None,
        args: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
        packages: Optional[Sequence[str]] = None,
        compile: Optional[models.CompileRequest] = None,
        policy: Optional[models.Policy] = None,
        artifacts: Optional[Sequence[str]] = None,
        user_context: Optional[models.UserContext] = None,
        webhook: Optional[models.Webhook] = None,
        idempotency_key: Optional[str] = None,
    ) -> models.PendingRun:
        """Starts a run that goes on without its caller, and returns at once. `wait` and `follow` take its id. Its end is sent to `webhook`."""
        fields = program(code, lang, files, repo, entrypoint, stdin, args, env, packages, compile, policy, artifacts, None, user_context)
        call = run_call({**fields, "detach": True, "webhook": webhook}, idempotency_key=idempotency_key)
        return models.PendingRun._read(await self._client._json(call))

    async def get(self, id: str) -> Union[models.StoredRun, models.PendingRun]:
        """Reads a run: its result, which is kept for 7 days, or its state if it has not ended."""
        data = await self._client._json(Call(f"{RUNS}/{segment(id)}"))
        return models.StoredRun._read(data) if "exitCode" in data else models.PendingRun._read(data)

    async def wait(self, id: str) -> models.StoredRun:
        """Returns the result of a run when it has ended."""
        while True:
            run = await self.get(id)
            if isinstance(run, models.StoredRun):
                return run
            try:
                async for _ in self.follow(id):
                    pass
            except DocleConnectionError:
                pass
            # The last event comes a moment before the result can be read.
            await anyio.sleep(0.2)

    def follow(self, id: str) -> AsyncRunStream:
        """Gives the events of a run from its beginning, while it goes on or after. Leaving them does not end the run."""
        return AsyncRunStream(self._client, Call(f"{RUNS}/{segment(id)}", accept="text/event-stream"), ends_run=False)

    async def list(
        self,
        *,
        status: Optional[models.RunStatus] = None,
        language: Optional[str] = None,
        user: Optional[str] = None,
        since: Optional[datetime] = None,
        before: Optional[datetime] = None,
        page_size: Optional[int] = None,
    ) -> AsyncIterator[models.UsageRun]:
        """Gives the runs of the project that have ended, the newest first; pages are read as they are needed.

        user: The `id` of a `user_context`.
        since, before: When they were asked for. A time without a zone is local.
        """
        times = {"from": since, "to": before}
        query = {name: moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z") for name, moment in times.items() if moment}
        filters = {"status": status, "language": language, "user": user, "limit": page_size}
        query.update({name: str(value) for name, value in filters.items() if value is not None})
        while True:
            page = models.RunList._read(await self._client._json(Call("/api/runs", query=query)))
            for run in page.history:
                yield run
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    async def pending(self, *, language: Optional[str] = None, user: Optional[str] = None) -> List[models.ListedPendingRun]:
        """Returns the runs of the project that have not ended, the newest first.

        user: The `id` of a `user_context`.
        """
        filters = {"language": language, "user": user, "limit": 1}
        query = {name: str(value) for name, value in filters.items() if value is not None}
        page = models.RunList._read(await self._client._json(Call("/api/runs", query=query)))
        if page.pending is None:
            raise DocleConnectionError("The service did not reach the runs that have not ended. Repeat the call.")
        return page.pending

    async def cancel(self, id: str) -> models.StoredRun:
        """Ends a run, and returns its result when it has ended. It may be called again."""
        return models.StoredRun._read(await self._client._json(Call(f"{RUNS}/{segment(id)}", "DELETE")))


class AsyncIsolates:
    """Scripts in JavaScript and TypeScript, each in an isolate of its own."""

    def __init__(self, client: AsyncDocle) -> None:
        self._client = client

    async def execute(
        self,
        code: str,
        *,
        language: Optional[str] = None,
        context: Any = None,
        config: Optional[models.ScriptConfig] = None,
        user_context: Optional[models.UserContext] = None,
    ) -> models.ScriptResult:
        """Runs a script."""
        fields = {"code": code, "language": language, "context": context, "config": config, "user_context": user_context}
        return models.ScriptResult._read(await self._client._json(Call("/execute", "POST", to_json(fields))))

    async def validate(self, code: str, *, language: Optional[str] = None) -> models.Validation:
        """Checks a script without running it."""
        return models.Validation._read(await self._client._json(Call("/validate", "POST", to_json({"code": code, "language": language}))))


class AsyncTokens:
    """Run tokens, for pages and programs that must not have the key."""

    def __init__(self, client: AsyncDocle) -> None:
        self._client = client

    async def create(
        self,
        *,
        ttl_seconds: Optional[int] = None,
        origin: Optional[str] = None,
        limits: Optional[models.RunTokenLimits] = None,
        user_context: Optional[models.UserContext] = None,
    ) -> models.RunToken:
        """Makes a token."""
        fields = {"ttl_seconds": ttl_seconds, "origin": origin, "limits": limits, "user_context": user_context}
        return models.RunToken._read(await self._client._json(Call("/api/tokens", "POST", to_json(fields))))
