"""The parameters that the clients share."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ._models import CompileRequest, Policy, Repository, SourceFile, UserContext

Files = Union[Sequence[SourceFile], Mapping[str, Union[str, bytes]]]
"""The files of a program: as the API has them, or each path with its text or bytes."""


def program(
    code: Optional[str],
    lang: str,
    files: Optional[Files],
    repo: Optional[Repository],
    entrypoint: Optional[str],
    stdin: Optional[str],
    args: Optional[Sequence[str]],
    env: Optional[Mapping[str, str]],
    packages: Optional[Sequence[str]],
    compile: Optional[CompileRequest],
    policy: Optional[Policy],
    artifacts: Optional[Sequence[str]],
    artifacts_inline: Optional[bool],
    user_context: Optional[UserContext],
) -> Dict[str, Any]:
    """The fields of a run."""
    return {
        "code": code,
        "lang": lang,
        "files": None if files is None else files_of(files),
        "repo": repo,
        "entrypoint": entrypoint,
        "stdin": stdin,
        "args": args,
        "env": env,
        "packages": packages,
        "compile": compile,
        "policy": policy,
        "artifacts": artifacts,
        "artifacts_inline": artifacts_inline,
        "user_context": user_context,
    }


def files_of(files: Files) -> List[Mapping[str, Any]]:
    if not isinstance(files, Mapping):
        return list(files)
    return [_file(path, content) for path, content in files.items()]


def _file(path: str, content: Union[str, bytes]) -> Dict[str, Any]:
    if isinstance(content, str):
        return {"path": path, "content": content}
    return {"path": path, "content": b64encode(content).decode(), "encoding": "base64"}


def command_fields(command: Union[str, Sequence[str]], args: Optional[Sequence[str]]) -> Dict[str, Any]:
    """The fields of a command: a line for the shell, or a program with its arguments."""
    if isinstance(command, str):
        return {"command": command} if args is None else {"argv": [command, *args]}
    return {"argv": [*command, *(args or [])]}
