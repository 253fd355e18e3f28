"""Ports that a sandbox exposes, without `await`. It is made of `_async_sandbox_ports.py` by unasync.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional

from . import _models as models
from ._calls import Call, to_json

if TYPE_CHECKING:
    from ._client import Docle


class SandboxPorts:
    """URLs of what listens in a sandbox."""

    def __init__(self, client: Docle, sandbox: str) -> None:
        self._client = client
        self._path = f"{sandbox}/ports"

    def expose(
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
        return models.ExposedPort._read(self._client._json(Call(self._path, "POST", to_json(fields))))

    def list(self) -> List[models.ExposedPort]:
        """The ports that it exposes."""
        return models.PortList._read(self._client._json(Call(self._path))).ports

    def get(self, port: int) -> models.ExposedPort:
        """One of them."""
        return models.ExposedPort._read(self._client._json(Call(f"{self._path}/{port}")))

    def rotate(self, port: int) -> models.ExposedPort:
        """Gives it another token. The URL before is not found from then on."""
        return models.ExposedPort._read(self._client._json(Call(f"{self._path}/{port}/rotate", "POST")))

    def unexpose(self, port: int) -> None:
        """Takes its URL away. It may be repeated."""
        self._client._send(Call(f"{self._path}/{port}", "DELETE"))
