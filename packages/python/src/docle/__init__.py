"""Runs untrusted code in a sandbox, and gives you its output.

>>> from docle import Docle
>>> with Docle() as docle:
...     print(docle.run("print('Hello')", lang="python").stdout)
"""

from ._async_client import AsyncDocle, AsyncRunStream
from ._client import Docle, RunStream
from ._errors import DocleAPIError, DocleConnectionError, DocleError, DocleTimeoutError
from ._events import CompleteEvent, OutputEvent, RunEvent, StartEvent
from ._models import (
    Artifact,
    CreatedRoom,
    FieldError,
    Health,
    Languages,
    Policy,
    RoomPage,
    RoomRun,
    RoomToken,
    RunResult,
    RunStatus,
    RunToken,
    RunTokenLimits,
    RunUsage,
    ScriptConfig,
    ScriptResult,
    SourceFile,
    StoredRun,
    UserContext,
    Validation,
)

__all__ = [
    "Artifact",
    "AsyncDocle",
    "AsyncRunStream",
    "CompleteEvent",
    "CreatedRoom",
    "Docle",
    "DocleAPIError",
    "DocleConnectionError",
    "DocleError",
    "DocleTimeoutError",
    "FieldError",
    "Health",
    "Languages",
    "OutputEvent",
    "Policy",
    "RoomPage",
    "RoomRun",
    "RoomToken",
    "RunEvent",
    "RunResult",
    "RunStatus",
    "RunStream",
    "RunToken",
    "RunTokenLimits",
    "RunUsage",
    "ScriptConfig",
    "ScriptResult",
    "SourceFile",
    "StartEvent",
    "StoredRun",
    "UserContext",
    "Validation",
]
