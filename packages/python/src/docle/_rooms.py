"""Rooms, without `await`. It is made of `_async_rooms.py` by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from . import _models as models
from ._calls import Call, segment, to_json

if TYPE_CHECKING:
    from ._client import Docle


class Rooms:
    """Rooms, in which several people edit and run a program together."""

    def __init__(self, client: Docle) -> None:
        self._client = client

    def create(self, *, name: Optional[str] = None, owner_name: Optional[str] = None, ttl_seconds: Optional[int] = None) -> models.CreatedRoom:
        """Makes a room; the token in the answer is its owner's."""
        fields = {"name": name, "owner_name": owner_name, "ttl_seconds": ttl_seconds}
        return models.CreatedRoom._read(self._client._json(Call("/api/rooms", "POST", to_json(fields))))

    def list(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> models.RoomPage:
        """One page of the project's rooms; `cursor` is the `next_cursor` of the page before."""
        query = {name: str(value) for name, value in (("limit", limit), ("cursor", cursor)) if value is not None}
        return models.RoomPage._read(self._client._json(Call("/api/rooms", query=query)))

    def delete(self, id: str) -> None:
        """Deletes a room for everybody."""
        self._client._send(Call(f"/api/rooms/{segment(id)}", "DELETE"))

    def create_token(self, id: str, *, role: models.Role, name: Optional[str] = None, ttl_seconds: Optional[int] = None) -> models.RoomToken:
        """Makes a token with which a person can enter the room."""
        fields = {"role": role, "name": name, "ttl_seconds": ttl_seconds}
        return models.RoomToken._read(self._client._json(Call(f"/api/rooms/{segment(id)}/tokens", "POST", to_json(fields))))

    def run(
        self,
        id: str,
        *,
        code: Optional[str] = None,
        language: Optional[str] = None,
        stdin: Optional[str] = None,
        policy: Optional[models.Policy] = None,
    ) -> models.RoomRun:
        """Runs a program in the room, so that everybody in it sees the result."""
        fields = {"code": code, "language": language, "stdin": stdin, "policy": policy}
        return models.RoomRun._read(self._client._json(Call(f"/api/rooms/{segment(id)}/run", "POST", to_json(fields))))
