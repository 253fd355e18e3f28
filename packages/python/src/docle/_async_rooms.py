"""Rooms, for `await`. `_rooms.py` is made of this file by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from . import _models as models
from ._calls import Call, segment, to_json

if TYPE_CHECKING:
    from ._async_client import AsyncDocle


class AsyncRooms:
    """Rooms, in which several people edit and run a program together."""

    def __init__(self, client: AsyncDocle) -> None:
        self._client = client

    async def create(self, *, name: Optional[str] = None, owner_name: Optional[str] = None, ttl_seconds: Optional[int] = None) -> models.CreatedRoom:
        """Makes a room; the token in the answer is its owner's."""
        fields = {"name": name, "owner_name": owner_name, "ttl_seconds": ttl_seconds}
        return models.CreatedRoom._read(await self._client._json(Call("/api/rooms", "POST", to_json(fields))))

    async def list(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> models.RoomPage:
        """One page of the project's rooms; `cursor` is the `next_cursor` of the page before."""
        query = {name: str(value) for name, value in (("limit", limit), ("cursor", cursor)) if value is not None}
        return models.RoomPage._read(await self._client._json(Call("/api/rooms", query=query)))

    async def delete(self, id: str) -> None:
        """Deletes a room for everybody."""
        await self._client._send(Call(f"/api/rooms/{segment(id)}", "DELETE"))

    async def create_token(self, id: str, *, role: models.Role, name: Optional[str] = None, ttl_seconds: Optional[int] = None) -> models.RoomToken:
        """Makes a token with which a person can enter the room."""
        fields = {"role": role, "name": name, "ttl_seconds": ttl_seconds}
        return models.RoomToken._read(await self._client._json(Call(f"/api/rooms/{segment(id)}/tokens", "POST", to_json(fields))))

    async def run(
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
        return models.RoomRun._read(await self._client._json(Call(f"/api/rooms/{segment(id)}/run", "POST", to_json(fields))))
