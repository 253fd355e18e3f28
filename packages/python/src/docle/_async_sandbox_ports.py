"""Ports that a sandbox exposes, for `await`. `_sandbox_ports.py` is made of this file by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional

from . import _models as models
from ._calls import Call, to_json

if TYPE_CHECKING:
    from ._async_client import AsyncDocle


class AsyncSandboxPorts:
    """URLs of what listens in a sandbox."""

    def __init__(self, client: AsyncDocle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/ports"

    async def expose(
        self,
        port: int,
        *,
        name: Optional[str] = None,
        token: Optional[str] = None,
        public: Optional[bool] = None,
        host_header: Optional[models.HostHeader] = None,
    ) -> models.ExposedPort:
        """Gives what listens on a port a URL. Exposing it again keeps its token, unless `token` names one."""
        fields = {"port": port, "name": name, "token": token, "public": public, "host_header": host_header}
        return models.ExposedPort._read(await self._client._json(Call(self._path, "POST", to_json(fields))))

    async def list(self) -> List[models.ExposedPort]:
        """The ports that it exposes."""
        return models.PortList._read(await self._client._json(Call(self._path))).ports

    async def get(self, port: int) -> models.ExposedPort:
        """One of them."""
        return models.ExposedPort._read(await self._client._json(Call(f"{self._path}/{port}")))

    async def rotate(self, port: int) -> models.ExposedPort:
        """Gives it another token. The URL before is not found from then on."""
        return models.ExposedPort._read(await self._client._json(Call(f"{self._path}/{port}/rotate", "POST")))

    async def unexpose(self, port: int) -> None:
        """Takes its URL away. It may be repeated."""
        await self._client._send(Call(f"{self._path}/{port}", "DELETE"))
