"""Snapshots of a sandbox, for `await`. `_snapshots.py` is made of this file by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, AsyncIterator, Optional, Sequence

from . import _models as models
from ._calls import Call, query, segment, to_json

if TYPE_CHECKING:
    from ._async_client import AsyncDocle


class AsyncSnapshots:
    """The files of a sandbox at one time each."""

    def __init__(self, client: AsyncDocle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/snapshots"

    async def create(self, name: Optional[str] = None) -> models.Snapshot:
        """Saves the files as they are now, and keeps them."""
        return models.Snapshot._read(await self._client._json(Call(self._path, "POST", to_json({"name": name}))))

    async def list(self, *, page_size: Optional[int] = None) -> AsyncIterator[models.Snapshot]:
        """Gives the snapshots, the newest first; pages are read as they are needed."""
        cursor: Optional[str] = None
        while True:
            page = models.SnapshotPage._read(await self._client._json(Call(self._path, query=query(limit=page_size, cursor=cursor))))
            for snapshot in page.snapshots:
                yield snapshot
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get(self, id: str) -> models.Snapshot:
        """One snapshot."""
        return models.Snapshot._read(await self._client._json(Call(self._at(id))))

    async def restore(self, id: str, paths: Optional[Sequence[str]] = None) -> models.Sandbox:
        """Gives the sandbox the files of a snapshot, or some paths of it."""
        return models.Sandbox._read(await self._client._json(Call(f"{self._at(id)}/restore", "POST", to_json({"paths": paths}))))

    async def diff(self, id: str, *, to: Optional[str] = None) -> models.SnapshotDiff:
        """What differs from a snapshot to the snapshot `to`, or to now."""
        return models.SnapshotDiff._read(await self._client._json(Call(f"{self._at(id)}/diff", query=query(to=to))))

    async def delete(self, id: str) -> None:
        """Deletes a snapshot."""
        await self._client._send(Call(self._at(id), "DELETE"))

    def _at(self, id: str) -> str:
        return f"{self._path}/{segment(id)}"
