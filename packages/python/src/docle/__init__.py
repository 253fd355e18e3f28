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
    CompileRequest,
    CompileResult,
    CreatedRoom,
    FieldError,
    Health,
    Languages,
    PendingRun,
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
    UsageRun,
    UserContext,
    Validation,
)

__all__ = [
    "Artifact",
    "AsyncDocle",
    "AsyncRunStream",
    "CompileRequest",
    "CompileResult",
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
    "PendingRun",
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
    "UsageRun",
    "UserContext",
    "Validation",
]
