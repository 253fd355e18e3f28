"""The files of a sandbox, without `await`. It is made of `_async_sandbox_files.py` by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generator, Iterable, Optional, Union

import httpx

from . import _models as models
from ._calls import Call, connection_error, query

if TYPE_CHECKING:
    from ._client import Docle


class SandboxFiles:
    """The files of a sandbox. Paths are absolute, or below `/workspace`."""

    def __init__(self, client: Docle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/files"

    def list(self, path: str = ".", *, recursive: Optional[bool] = None, hidden: Optional[bool] = None) -> models.FileListing:
        """What a path is and, if it is a directory, what is in it: at most 5,000 entries.

        recursive: Goes deeper.
        hidden: `False` leaves out names that begin with a dot.
        """
        call = Call(self._path, query=query(path=path, recursive=recursive, hidden=hidden))
        return models.FileListing._read(self._client._json(call))

    def stat(self, path: str) -> models.SandboxFile:
        """What a path is."""
        return (self.list(path)).entry

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return (self._client._send(self._content(path))).content

    def read_text(self, path: str) -> str:
        """The content of a file, in UTF-8."""
        return (self.read(path)).decode()

    def stream(self, path: str) -> Generator[bytes, None, None]:
        """The content of a file as it comes."""
        response = self._client._send(self._content(path), stream=True)
        try:
            for data in response.iter_bytes():
                yield data
        except httpx.TransportError as error:
            raise connection_error(error) from error
        finally:
            response.close()

    def write(self, path: str, content: Union[str, bytes, Iterable[bytes]]) -> models.SandboxFile:
        """Writes a file, in place of what is there. Missing directories are made."""
        data = content.encode() if isinstance(content, str) else content
        call = Call(f"{self._path}/content", "PUT", query=query(path=path), content=data)
        return models.SandboxFile._read(self._client._json(call))

    def mkdir(self, path: str, *, recursive: Optional[bool] = None) -> models.SandboxFile:
        """Makes a directory; with `recursive` also those above it."""
        return self._post("mkdir", path=path, recursive=recursive)

    def move(self, source: str, target: str, *, overwrite: Optional[bool] = None) -> models.SandboxFile:
        """Moves a file or a directory."""
        return self._post("move", **{"from": source, "to": target, "overwrite": overwrite})

    def copy(self, source: str, target: str, *, overwrite: Optional[bool] = None) -> models.SandboxFile:
        """Copies a file or a directory."""
        return self._post("copy", **{"from": source, "to": target, "overwrite": overwrite})

    def chmod(self, path: str, mode: str) -> models.SandboxFile:
        """Sets the permission bits, such as `"755"`."""
        return self._post("chmod", path=path, mode=mode)

    def delete(self, path: str, *, recursive: Optional[bool] = None) -> None:
        """Deletes a file or an empty directory; with `recursive` a whole one."""
        self._client._send(Call(self._path, "DELETE", query=query(path=path, recursive=recursive)))

    def _content(self, path: str) -> Call:
        return Call(f"{self._path}/content", accept="*/*", query=query(path=path))

    def _post(self, operation: str, **fields: Any) -> models.SandboxFile:
        body = {name: value for name, value in fields.items() if value is not None}
        return models.SandboxFile._read(self._client._json(Call(f"{self._path}/{operation}", "POST", body)))
