"""Snapshots of a sandbox, without `await`. It is made of `_async_snapshots.py` by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, Optional, Sequence

from . import _models as models
from ._calls import Call, query, segment, to_json

if TYPE_CHECKING:
    from ._client import Docle


class Snapshots:
    """The files of a sandbox at one time each."""

    def __init__(self, client: Docle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/snapshots"

    def create(self, name: Optional[str] = None) -> models.Snapshot:
        """Saves the files as they are now, and keeps them."""
        return models.Snapshot._read(self._client._json(Call(self._path, "POST", to_json({"name": name}))))

    def list(self, *, page_size: Optional[int] = None) -> Iterator[models.Snapshot]:
        """Gives the snapshots, the newest first; pages are read as they are needed."""
        cursor: Optional[str] = None
        while True:
            page = models.SnapshotPage._read(self._client._json(Call(self._path, query=query(limit=page_size, cursor=cursor))))
            for snapshot in page.snapshots:
                yield snapshot
            cursor = page.next_cursor
            if cursor is None:
                return

    def get(self, id: str) -> models.Snapshot:
        """One snapshot."""
        return models.Snapshot._read(self._client._json(Call(self._at(id))))

    def restore(self, id: str, paths: Optional[Sequence[str]] = None) -> models.Sandbox:
        """Gives the sandbox the files of a snapshot, or some paths of it."""
        return models.Sandbox._read(self._client._json(Call(f"{self._at(id)}/restore", "POST", to_json({"paths": paths}))))

    def diff(self, id: str, *, to: Optional[str] = None) -> models.SnapshotDiff:
        """What differs from a snapshot to the snapshot `to`, or to now."""
        return models.SnapshotDiff._read(self._client._json(Call(f"{self._at(id)}/diff", query=query(to=to))))

    def delete(self, id: str) -> None:
        """Deletes a snapshot."""
        self._client._send(Call(self._at(id), "DELETE"))

    def _at(self, id: str) -> str:
        return f"{self._path}/{segment(id)}"
