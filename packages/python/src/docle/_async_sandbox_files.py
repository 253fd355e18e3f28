"""The files of a sandbox, for `await`. `_sandbox_files.py` is made of this file by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncGenerator, AsyncIterable, Optional, Union

import httpx

from . import _models as models
from ._calls import Call, connection_error, query

if TYPE_CHECKING:
    from ._async_client import AsyncDocle


class AsyncSandboxFiles:
    """The files of a sandbox. Paths are absolute, or below `/workspace`."""

    def __init__(self, client: AsyncDocle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/files"

    async def list(self, path: str = ".", *, recursive: Optional[bool] = None, hidden: Optional[bool] = None) -> models.FileListing:
        """What a path is and, if it is a directory, what is in it: at most 5,000 entries.

        recursive: Goes deeper.
        hidden: `False` leaves out names that begin with a dot.
        """
        call = Call(self._path, query=query(path=path, recursive=recursive, hidden=hidden))
        return models.FileListing._read(await self._client._json(call))

    async def stat(self, path: str) -> models.SandboxFile:
        """What a path is."""
        return (await self.list(path)).entry

    async def read(self, path: str) -> bytes:
        """The content of a file."""
        return (await self._client._send(self._content(path))).content

    async def read_text(self, path: str) -> str:
        """The content of a file, in UTF-8."""
        return (await self.read(path)).decode()

    async def stream(self, path: str) -> AsyncGenerator[bytes, None]:
        """The content of a file as it comes."""
        response = await self._client._send(self._content(path), stream=True)
        try:
            async for data in response.aiter_bytes():
                yield data
        except httpx.TransportError as error:
            raise connection_error(error) from error
        finally:
            await response.aclose()

    async def write(self, path: str, content: Union[str, bytes, AsyncIterable[bytes]]) -> models.SandboxFile:
        """Writes a file, in place of what is there. Missing directories are made."""
        data = content.encode() if isinstance(content, str) else content
        call = Call(f"{self._path}/content", "PUT", query=query(path=path), content=data)
        return models.SandboxFile._read(await self._client._json(call))

    async def mkdir(self, path: str, *, recursive: Optional[bool] = None) -> models.SandboxFile:
        """Makes a directory; with `recursive` also those above it."""
        return await self._post("mkdir", path=path, recursive=recursive)

    async def move(self, source: str, target: str, *, overwrite: Optional[bool] = None) -> models.SandboxFile:
        """Moves a file or a directory."""
        return await self._post("move", **{"from": source, "to": target, "overwrite": overwrite})

    async def copy(self, source: str, target: str, *, overwrite: Optional[bool] = None) -> models.SandboxFile:
        """Copies a file or a directory."""
        return await self._post("copy", **{"from": source, "to": target, "overwrite": overwrite})

    async def chmod(self, path: str, mode: str) -> models.SandboxFile:
        """Sets the permission bits, such as `"755"`."""
        return await self._post("chmod", path=path, mode=mode)

    async def delete(self, path: str, *, recursive: Optional[bool] = None) -> None:
        """Deletes a file or an empty directory; with `recursive` a whole one."""
        await self._client._send(Call(self._path, "DELETE", query=query(path=path, recursive=recursive)))

    def _content(self, path: str) -> Call:
        return Call(f"{self._path}/content", accept="*/*", query=query(path=path))

    async def _post(self, operation: str, **fields: Any) -> models.SandboxFile:
        body = {name: value for name, value in fields.items() if value is not None}
        return models.SandboxFile._read(await self._client._json(Call(f"{self._path}/{operation}", "POST", body)))
