"""The types of the API, made of its OpenAPI document by models.mjs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, TypedDict, Union

if TYPE_CHECKING:
    from typing_extensions import Required

from ._formats import Formats

RuntimeApi = Literal["console", "api", "db", "ai"]
Role = Literal["viewer", "runner", "editor", "owner"]
Comparison = Literal["exact", "trim", "tokens", "float", "regex"]
SandboxNetwork = Literal["none", "registries", "public"]
HostHeader = Literal["preview", "localhost"]
ArtifactError = Literal["too_large", "too_many_bytes", "too_large_to_inline", "inline_full", "unreadable", "not_stored"]
PolicyLimit = Literal["timeoutMs", "cpuMs", "memoryMB", "maxOutputBytes", "maxFileMB"]
RepositoryError = Literal["not_found", "ref_not_found", "subdir_not_found", "entrypoint_not_found", "too_large", "too_many_files", "timeout", "unreachable", "unusable", "unavailable"]
RunStatus = Literal["success", "error", "timeout", "memory", "output", "killed", "cancelled", "install_failed", "compile_error", "system"]
PendingStatus = Literal["queued", "fetching", "installing", "compiling", "running"]
JudgeVerdict = Literal["accepted", "partial", "wrong_answer", "timeout", "memory", "output", "runtime_error", "compile_error", "install_failed", "judge_error", "skipped"]
SandboxStatus = Literal["creating", "running", "sleeping", "waking", "failed", "deleting"]
ExecStatus = Literal["success", "error", "timeout", "memory", "killed", "system"]
FileType = Literal["file", "directory", "symlink", "other"]
ProcessStatus = Literal["running", "exited", "killed", "failed"]
WaitOutcome = Literal["line", "listening", "exited", "timeout", "lost"]
ChangeKind = Literal["added", "removed", "changed", "mode"]

NAMES: Dict[str, str] = {
    "allow_network": "allowNetwork",
    "allow_packages": "allowPackages",
    "allowed_apis": "allowedAPIs",
    "allowed_domains": "allowedDomains",
    "allowed_hosts": "allowedHosts",
    "artifacts_inline": "artifactsInline",
    "cpu_ms": "cpuMs",
    "disk_mb": "diskMB",
    "host_header": "hostHeader",
    "max_file_mb": "maxFileMB",
    "max_output_bytes": "maxOutputBytes",
    "memory_mb": "memoryMB",
    "owner_name": "ownerName",
    "queue_timeout_ms": "queueTimeoutMs",
    "save_every_seconds": "saveEverySeconds",
    "sleep_after": "sleepAfter",
    "stop_on_failure": "stopOnFailure",
    "timeout_ms": "timeoutMs",
    "ttl_seconds": "ttlSeconds",
    "user_context": "userContext",
}
"""The names of fields in requests, where the one in JSON is another one."""


def _renamed(data: Dict[str, Any]) -> Any:
    """A part of a request that an answer repeats, with the names that requests have in Python."""
    return {next((python for python, json in NAMES.items() if json == name), name): value for name, value in data.items()}


class SourceFile(TypedDict, total=False):
    """A file of a program at a relative path."""

    content: Required[str]
    """The content of the file, in the form that `encoding` names."""
    encoding: Literal["utf8", "base64"]
    """How `content` is written: as text, or as base64 of bytes.

    * `utf8`: The text itself; the file gets it in UTF-8.
    * `base64`: Base64 of the bytes, in the standard alphabet (RFC 4648, section 4).
    """
    path: Required[str]
    """The path below `/workspace`, with `/` between directories and without `.` and `..`."""


class TerminalSize(TypedDict, total=False):
    """The size of a terminal, in characters."""

    cols: Required[int]
    """Characters in a line."""
    rows: Required[int]
    """Lines."""


class UserContext(TypedDict, total=False):
    """The caller's user, as the caller describes it. It has at most 8,192 bytes as JSON."""

    email: str
    """The user's mail address."""
    id: Required[str]
    """The caller's id of the user. Runs are listed and deleted by it."""
    metadata: Dict[str, Any]
    """Anything else that the caller wants to find with the run."""
    name: str
    """The user's name."""
    tier: Literal["free", "pro", "enterprise"]
    """What the user pays the caller for."""


class RuntimeConfig(TypedDict, total=False):
    """What a sandbox may use, and when it sleeps."""

    allowed_hosts: List[str]
    """Further hosts with `none` or `registries`; `*.example.com` matches all subdomains."""
    disk_mb: int
    """All files together, in mebibytes."""
    memory_mb: int
    """Memory of all programs together, in mebibytes."""
    network: SandboxNetwork
    """What programs may reach; `registries` where it is absent."""
    save_every_seconds: int
    """Seconds after the first unsaved change after which the files are saved at the latest."""
    sleep_after: int
    """Seconds without a call after which the sandbox sleeps."""


class CompileRequest(TypedDict, total=False):
    """How a program is compiled."""

    memory_mb: int
    """Memory of all processes of the compilation together with the files they write, in MiB."""
    options: List[str]
    """Options for the compiler, after those of the service: `-O2`, `-std=c11`, `-Wall`. Each begins with `-`."""
    timeout_ms: int
    """Wall clock of the compilation, in milliseconds."""


class PackageList(TypedDict, total=False):
    """A list of packages in an object."""

    packages: List[str]
    """Requirements in the registry's own syntax: `requests>=2.31` for PyPI, `lodash@4.17.21` for npm."""


class Policy(TypedDict, total=False):
    """What a program may use. A deployment may have a lower maximum for `timeoutMs`."""

    allow_network: bool
    """Whether the program may reach public addresses."""
    allowed_hosts: List[str]
    """The only hosts that the program may reach: `api.example.com`, `*.example.com` for its subdomains, or `db.example.com:5432` for one port alone. Needs `allowNetwork`. Without it a program with network may reach every public host."""
    cpu_ms: int
    """Processor time of all processes of the program, in milliseconds. Without it only `timeoutMs` limits the time."""
    max_file_mb: int
    """Size of one file that the program writes, in MiB. Without it only `memoryMB` limits files."""
    max_output_bytes: int
    """Bytes of each output stream. A stream that passes them ends the run."""
    memory_mb: int
    """Memory of all processes of the program together with the files they write, in MiB."""
    timeout_ms: int
    """Wall clock of the program, in milliseconds."""


class Repository(TypedDict, total=False):
    """A git repository. Its files are in `/workspace` when the program starts, below the files of the request itself."""

    ref: str
    """A branch, a tag, or a whole commit id. The default is what the repository's own HEAD names."""
    subdir: str
    """The directory whose content becomes `/workspace`. The default is the whole repository."""
    token: str
    """A token that may read the repository, if that is not public. It is stored nowhere, and no response has it. Not with `detach`."""
    url: Required[str]
    """Where it is cloned from: `https`, a public name, port 443, without user name, password, query and fragment."""


class Webhook(TypedDict, total=False):
    """Where the end of a detached run is reported."""

    events: List[Literal["run.completed"]]
    """What is reported. The default is every event that there is."""
    url: Required[str]
    """The URL that gets the report: `https`, port 443, and a host by its name."""


class RunRequest(TypedDict, total=False):
    """A program to run. It brings either `code` or `files`, or has its files in `repo`."""

    args: List[str]
    """Arguments that follow the program on its command line. `args` and `env` have at most 1,048,576 bytes together."""
    artifacts: List[str]
    """Files of the program to hand back, as patterns of paths below `/workspace`: `*` and `?` stand for characters of one name, `**` for any directories."""
    artifacts_inline: bool
    """Whether the result contains these files, in base64: up to 256 KiB of each and 1 MiB of all. Needs `artifacts`."""
    code: str
    """The program, as one file. Send either `code` or `files`."""
    compile: CompileRequest
    """How the program is compiled. Only for languages that are."""
    detach: bool
    """Whether the call answers at once, with status 202 and the id of the run, which then goes on without its caller."""
    entrypoint: str
    """The path of the file to start, one of `files` or of `repo`; with `code`, the path that the code is written to. The default is `main.` and the language's ending, for example `main.py`."""
    env: Dict[str, str]
    """Variables that are added to the program's environment. A name has no `=`; a name, `=` and its value have at most 65,536 bytes together."""
    files: List[SourceFile]
    """The program, as files below `/workspace`. Send either `files` or `code`."""
    lang: Required[Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"]]
    """The language of the program. Other usual names are understood, too, in any case: `py`, `python3`, `js`, `javascript`, `nodejs`, `c++`, `rs`. `GET /languages` lists the languages that this installation has."""
    packages: Union[List[str], PackageList]
    """Packages of the language's registry: a list, or an object that holds one."""
    policy: Policy
    """What the program may use."""
    queue_timeout_ms: int
    """How long a detached run waits for a slot, in milliseconds, before it ends with `system` and nothing was run. Needs `detach`."""
    repo: Repository
    """A git repository with files of the program. Those of `code` and `files` take the place of files with the same path."""
    stdin: str
    """Standard input. The program reads its end after that."""
    tier: Literal["run"]
    """Runs the code as a program in a jail, which is the default."""
    tty: TerminalSize
    """Gives the program a terminal of this size. Only for interactive runs, `GET /api/run`. Standard output and standard error are then one stream, `stdout`."""
    user_context: UserContext
    """The user for whom the caller runs the program. It is kept with the run."""
    webhook: Webhook
    """Where the end of the run is reported. Needs `detach`, and a webhook secret of the project."""


class ScriptConfig(TypedDict, total=False):
    """What a script may use."""

    allowed_apis: List[RuntimeApi]
    """The runtime APIs that the script has; all where the field is absent."""
    allowed_domains: List[str]
    """Hosts that `api()` may reach: `api.example.com`, or `*.example.com` for its subdomains. The project's own list holds, too."""
    timeout: int
    """Wall clock of the script, in milliseconds."""


class RunTokenLimits(TypedDict, total=False):
    """The most that a run may use. A run that asks for more time or memory gets this much."""

    allow_network: bool
    """Whether programs may use the network."""
    allow_packages: bool
    """Whether packages may be installed."""
    memory_mb: int
    """The highest `policy.memoryMB`, in mebibytes."""
    timeout_ms: int
    """The highest `policy.timeoutMs`, in milliseconds."""


class RunTokenSettings(TypedDict, total=False):
    """What a run token may do, and for how long."""

    limits: RunTokenLimits
    """The most that a run with the token may use."""
    origin: str
    """The origin of the only pages that may use the token: scheme, host and port. Without it any client may."""
    ttl_seconds: int
    """Seconds until the token ends. A token ends with its API key, too."""
    user_context: UserContext
    """The user for whom the token runs programs. A run with the token can name no other."""


class RoomSettings(TypedDict, total=False):
    """A room to make."""

    name: str
    """The name of the room, which lists show."""
    owner_name: str
    """The name of the owner in the room, for the token in the response."""
    ttl_seconds: int
    """For how many seconds the owner's token is good."""


class RoomTokenSettings(TypedDict, total=False):
    """A token to make."""

    name: str
    """What its holder is called in the room."""
    role: Required[Role]
    """What its holder may do. Only an API key of the project makes tokens of owners."""
    ttl_seconds: int
    """For how many seconds the token is good. It ends with the token that makes it at the latest."""


class RoomProgram(TypedDict, total=False):
    """A program to run in the room. Everyone there sees it run."""

    code: str
    """The program; the room's own where it is absent. Another one takes the role `editor`."""
    language: str
    """The language; the room's own where it is absent. `javascript` means `node` here."""
    name: str
    """Who runs it, for the events of the run. The name in the token comes before it."""
    policy: Policy
    """What the program may use, as in `POST /api/run`. It takes the role `owner`."""
    stdin: str
    """Standard input."""


class RunInputs(TypedDict, total=False):
    """What a program gets in one run."""

    args: List[str]
    """Arguments that follow the program on its command line."""
    env: Dict[str, str]
    """Variables that are added to the program's environment."""
    stdin: str
    """Standard input. The program reads its end after that."""


class InputsRequest(TypedDict, total=False):
    """One program, which is run once for each input. It brings either `code` or `files`."""

    code: str
    """The program, as one file. Send either `code` or `files`."""
    compile: CompileRequest
    """How the program is compiled. Only for languages that are."""
    entrypoint: str
    """The path of the file to start, as in `POST /api/run`."""
    files: List[SourceFile]
    """The program, as files below `/workspace`. Send either `files` or `code`."""
    inputs: Required[List[RunInputs]]
    """What the program gets in each run."""
    lang: Required[Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"]]
    """The language of the program, by any of its names."""
    packages: Union[List[str], PackageList]
    """Packages of the language's registry: a list, or an object that holds one."""
    policy: Policy
    """What the program may use in each run."""
    user_context: UserContext
    """The user for whom the caller runs the program. It is kept with each run."""


class BatchRequest(TypedDict, total=False):
    """Different programs."""

    runs: Required[List[RunRequest]]
    """The programs, each as in `POST /api/run`, without `detach`, `webhook`, `artifactsInline` and `tty`."""


class Checker(TypedDict, total=False):
    """A program that decides on the output of a test. It is started as `checker test/input.txt test/output.txt test/expected.txt`, and its exit code is its verdict: 0 accepts, 1 and 2 refuse, 7 accepts in part. With 7, the first line of its standard output is the share of the points, a number from 0 to 1."""

    code: str
    """The checker, as one file. Send either `code` or `files`."""
    compile: CompileRequest
    """How the checker is compiled. Only for languages that are."""
    entrypoint: str
    """The path of the file to start."""
    files: List[SourceFile]
    """The checker, as files below `/workspace`. Send either `files` or `code`. None of them is in the directory `test`."""
    lang: Required[Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"]]
    """The language of the checker, by any of its names."""
    packages: Union[List[str], PackageList]
    """Packages of the language's registry: a list, or an object that holds one."""
    policy: Policy
    """What the checker may use."""


class JudgeTest(TypedDict, total=False):
    """One test: what the program gets, and what it has to write to standard output."""

    args: List[str]
    """Arguments that follow the program on its command line."""
    compare: Comparison
    """How the output is compared with `expected`. Not with a checker."""
    env: Dict[str, str]
    """Variables that are added to the program's environment."""
    epsilon: float
    """The largest difference of two numbers that are equal for `compare: "float"`, absolute or relative to the expected one."""
    expected: str
    """The expected standard output; with `compare: "regex"` a regular expression. The program never sees it. Without it, a program that ends with exit code 0 passes, unless there is a checker."""
    name: str
    """A name of the test, which its result has, too."""
    points: int
    """What the test counts."""
    stdin: str
    """Standard input. The program reads its end after that."""
    timeout_ms: int
    """Wall clock of the program in this test in milliseconds, instead of `policy.timeoutMs`."""


class JudgeRequest(TypedDict, total=False):
    """A program and the tests that it has to pass. It brings either `code` or `files`."""

    checker: Checker
    """A program that decides on the output of each test, instead of a comparison. Not with an interactor. It never shares a jail with the program."""
    code: str
    """The program, as one file. Send either `code` or `files`."""
    compile: CompileRequest
    """How the program is compiled. Only for languages that are."""
    entrypoint: str
    """The path of the file to start, as in `POST /api/run`."""
    files: List[SourceFile]
    """The program, as files below `/workspace`. Send either `files` or `code`."""
    interactor: Checker
    """A program that talks to the program, and decides: each reads from standard input what the other writes to standard output. It never shares a jail with the program. It is started as a checker is, and its exit code is its verdict; with 7, the share of the points is the first line of its standard error. `stdin` of a test is its `test/input.txt`."""
    judge: str
    """The id of a judge of the project, which has the tests and what decides on them. Send either `judge` or `tests`. With it neither `checker`, `interactor`, `stopOnFailure` nor `policy` may be sent."""
    lang: Required[Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"]]
    """The language of the program, by any of its names."""
    packages: Union[List[str], PackageList]
    """Packages of the language's registry: a list, or an object that holds one."""
    policy: Policy
    """What the program may use in each test."""
    stop_on_failure: bool
    """Whether the tests after the first one that fails are skipped."""
    tests: List[JudgeTest]
    """The tests. Each is a run of its own. Send either `tests` or `judge`."""
    user_context: UserContext
    """The user for whom the caller judges the program. It is kept with each run."""


class SandboxSettings(TypedDict, total=False):
    """A sandbox to make."""

    description: str
    """What it is for."""
    env: Dict[str, str]
    """Variables of every command."""
    key: str
    """A name of your own for it: letters, digits, `_`, `.` and `-`. A second call with the same key answers with the same sandbox, and every path takes `key:<key>` in place of the id."""
    language: str
    """The language of files whose ending says none, by any of its names; Python where it is absent."""
    name: str
    """The name, which lists show."""
    project_id: str
    """The project, for a call with a session; that of the key otherwise."""
    runtime_config: RuntimeConfig
    """What it may use, and when it sleeps."""


class SandboxChange(TypedDict, total=False):
    """What is to change of a sandbox. What is absent stays as it is."""

    description: str
    """What it is for."""
    env: Dict[str, str]
    """Variables of every command, in place of those before. Commands that start later have them."""
    language: str
    """The language of files whose ending says none, by any of its names."""
    name: str
    """The name, which lists show."""
    runtime_config: RuntimeConfig
    """What it may use, which holds from its next start on, and when it sleeps, which holds at once."""


class ExecRequest(TypedDict, total=False):
    """A command to execute: a line for `bash -c`, or a program with its arguments."""

    argv: List[str]
    """A program and its arguments, in place of `command`."""
    command: str
    """A line for `bash -c`."""
    cwd: str
    """The working directory, absolute or below `/workspace`; `/workspace` where it is absent, and with a session where that is."""
    env: Dict[str, str]
    """Variables beside those of the sandbox."""
    max_output_bytes: int
    """Bytes of each of the two output streams. What is longer is cut, and the command goes on."""
    session: str
    """The session whose shell executes it, after those that came before. It is made where it is not there. Without it, the command is a process of its own."""
    stdin: str
    """Standard input."""
    timeout_ms: int
    """After this time everything that the command has started is ended."""


class ExecuteRequest(TypedDict, total=False):
    """A file to run."""

    args: List[str]
    """Arguments of the program."""
    file_path: Required[str]
    """The file, absolute or below `/workspace`."""
    stdin: str
    """Standard input."""
    timeout: int
    """The time limit in seconds."""


class ProcessStart(TypedDict, total=False):
    """A process to start: a line for `bash -c`, or a program with its arguments."""

    argv: List[str]
    """A program and its arguments, in place of `command`."""
    command: str
    """A line for `bash -c`."""
    cwd: str
    """The working directory, absolute or below `/workspace`; `/workspace` where it is absent."""
    env: Dict[str, str]
    """Variables beside those of the sandbox."""
    name: str
    """A name of your own. Several processes may have the same."""
    stdin: bool
    """Whether standard input stays open, for `POST …/stdin`. Else it is empty."""
    timeout_ms: int
    """After this time everything that the process has started is ended. Without it there is no limit."""


class ProcessWait(TypedDict, total=False):
    """What to wait for: at most one of `log`, `regex` and `port`. Without them, the end of the process."""

    log: str
    """A line of output that contains this text. Lines that are there already count."""
    port: int
    """A TCP socket that listens on this port in the sandbox."""
    regex: str
    """A line of output that matches this regular expression, which has neither look-around nor back-references."""
    timeout_ms: int
    """How long to wait."""


class SessionSettings(TypedDict, total=False):
    """A session to make."""

    cwd: str
    """Where the shell starts, absolute or below `/workspace`. Where it is absent, or cannot be entered, it is `/workspace`."""
    env: Dict[str, str]
    """Variables of the shell beside those of the sandbox."""
    id: str
    """A name of your own, of letters, digits, `-` and `_`; one is made where it is absent."""


class PortSettings(TypedDict, total=False):
    """A port to expose."""

    host_header: HostHeader
    """What the program reads in its header `Host`."""
    name: str
    """A name of your own."""
    port: Required[int]
    """The port, on which something may listen later."""
    public: bool
    """A URL without a token, for everybody who knows the id of the sandbox."""
    token: str
    """The token in the URL: lower case letters, digits and `_`. Where it is absent the port keeps the one it has, or gets one that nobody guesses."""


class ContextSettings(TypedDict, total=False):
    """A context to make. All fields are optional."""

    cwd: str
    """The working directory, absolute or below `/workspace`; `/workspace` where it is absent."""
    env: Dict[str, str]
    """Variables beside those of the sandbox."""
    language: str
    """`python`, `javascript`, `typescript` or `bash`. Where it is absent: `javascript` in a sandbox for Node.js, or else `python`."""


class CodeRequest(TypedDict, total=False):
    """A cell of code."""

    code: Required[str]
    """The code. The value of its last expression is a result."""
    env: Dict[str, str]
    """Variables of this cell alone."""
    language: str
    """The language whose default context runs the cell. Not with a context in the path."""
    max_output_bytes: int
    """Bytes of each of the two output streams. What is longer is cut, and the cell goes on."""
    timeout_ms: int
    """After this time the cell is interrupted. If it goes on for a second more, its context is ended."""


class CodeRunRequest(TypedDict, total=False):
    """A cell of code for an interpreter that is started for it, and that nothing is kept of."""

    allow_network: bool
    """Whether the cell may reach public addresses."""
    allowed_hosts: List[str]
    """The only hosts that the cell may reach. Needs `allowNetwork`."""
    code: Required[str]
    """The code. The value of its last expression is a result."""
    cpu_ms: int
    """Processor time of all processes, in milliseconds. Without it only `timeoutMs` limits the time."""
    env: Dict[str, str]
    """Variables of the interpreter."""
    files: List[SourceFile]
    """Files below the working directory of the cell. Requirements in them are installed, as those of a run are. The code counts as one more."""
    language: str
    """`python`, `javascript` or `typescript`; `python` where it is absent."""
    max_file_mb: int
    """Size of one file that the cell writes, in MiB. Without it only `memoryMB` limits files."""
    max_output_bytes: int
    """Bytes of each of the two output streams. What is longer is cut, and the cell goes on."""
    memory_mb: int
    """Memory of the interpreter and all that it starts together with the files they write, in MiB."""
    packages: List[str]
    """Packages to install before the cell: requirements in the syntax of PyPI or npm."""
    timeout_ms: int
    """After this time the interpreter is ended, in milliseconds. The start of the interpreter counts."""
    user_context: UserContext
    """The user for whom the cell runs."""


class BranchSettings(TypedDict, total=False):
    """A sandbox to make of a snapshot."""

    key: str
    """A key for the new sandbox. If there is a sandbox with it, the call answers with that one."""
    name: str
    """The name of the new sandbox; that of the other one where it is absent."""
    snapshot: str
    """The snapshot; the files as they are now where it is absent."""


@dataclass(frozen=True)
class Artifact:
    """A file that a run hands back."""

    mime_type: str
    """The MIME type that the ending of the name stands for."""
    name: str
    """The path below `/workspace`. It may contain any character but NUL."""
    size: int
    """Bytes of the file."""
    base64: Optional[str] = None
    """The content in base64, where the request has `artifactsInline`. A result that is read again has no content."""
    error: Optional[ArtifactError] = None
    """Why the content is missing."""
    sha256: Optional[str] = None
    """SHA-256 of the file in hexadecimal; absent where `error` says that the file was not read."""
    url: Optional[str] = None
    """Where the content is for 7 days. Anyone with the link can read the file, without a key. Absent where `error` says that the file was not read or not stored."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Artifact:
        return cls(
            base64=data.get("base64"),
            error=data.get("error"),
            mime_type=data["mimeType"],
            name=data["name"],
            sha256=data.get("sha256"),
            size=data["size"],
            url=data.get("url"),
        )


@dataclass(frozen=True)
class CompileResult:
    """How a program was compiled."""

    cpu_ms: float
    """Processor time of the compilation in milliseconds, with two decimals, which is a part of `usage.cpuMs`; 0 where an earlier run of the same batch has compiled the program."""
    duration_ms: float
    """Wall clock of the compilation in milliseconds, with two decimals."""
    exit_code: int
    """The exit code of the compiler; 124 after `compile.timeoutMs`, 128 and the signal's number where a signal ended it."""
    stderr: str
    """What the compiler wrote to standard error, and which limit ended it, if one did: the first 8 KiB."""
    stdout: str
    """What the compiler wrote to standard output: the first 8 KiB."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CompileResult:
        return cls(
            cpu_ms=data["cpuMs"],
            duration_ms=data["durationMs"],
            exit_code=data["exitCode"],
            stderr=data["stderr"],
            stdout=data["stdout"],
        )


@dataclass(frozen=True)
class NetworkReport:
    """What the network policy did to a run."""

    refused: List[str]
    """The servers that the program asked for and that the policy refused, as `host:port`, sorted: the first 20. `usage.blockedConnections` counts all refused requests."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> NetworkReport:
        return cls(
            refused=data["refused"],
        )


@dataclass(frozen=True)
class FetchedRepository:
    """What became of the repository of a run."""

    url: str
    """Where it was fetched from."""
    commit: Optional[str] = None
    """The id of the commit whose files the run had; absent where no commit was found."""
    error: Optional[RepositoryError] = None
    """Why the run does not have its files. Then `status` is `install_failed`, and `stderr` says more."""
    ref: Optional[str] = None
    """The branch, tag or commit that the request named; absent where it named none."""
    subdir: Optional[str] = None
    """The directory that the request named; absent where it named none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> FetchedRepository:
        return cls(
            commit=data.get("commit"),
            error=data.get("error"),
            ref=data.get("ref"),
            subdir=data.get("subdir"),
            url=data["url"],
        )


@dataclass(frozen=True)
class Truncated:
    """Which streams lost their end to `maxOutputBytes`."""

    stderr: bool
    """Standard error did."""
    stdout: bool
    """Standard output did."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Truncated:
        return cls(
            stderr=data["stderr"],
            stdout=data["stdout"],
        )


@dataclass(frozen=True)
class RunUsage:
    """What a run used. Times are milliseconds with two decimals."""

    blocked_connections: int
    """Connections that the network policy refused."""
    cpu_ms: float
    """User and system time of the whole process tree, and of its compilation."""
    duration_ms: float
    """Wall clock from the program's start to the end of its last process."""
    install_ms: float
    """Wall clock spent fetching the repository and installing packages; 0 when there was nothing to fetch and to install."""
    mem_mb: float
    """The most memory that the tree held at once, in MiB with two decimals."""
    queue_ms: float
    """Wall clock spent waiting for a slot."""
    egress_bytes: Optional[int] = None
    """Bytes that the program sent over the network; absent where it sent none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RunUsage:
        return cls(
            blocked_connections=data["blockedConnections"],
            cpu_ms=data["cpuMs"],
            duration_ms=data["durationMs"],
            egress_bytes=data.get("egressBytes"),
            install_ms=data["installMs"],
            mem_mb=data["memMB"],
            queue_ms=data["queueMs"],
        )


@dataclass(frozen=True)
class RunResult:
    """How a run ended. A program that fails is a result, too."""

    created_at: str
    """When the run was asked for."""
    exit_code: int
    """The program's own exit code; 124 after `timeout`, 128 and the signal's number where a signal ended it."""
    id: str
    """The id of the run, with which its result is read again."""
    ok: bool
    """Whether `status` is `success` and `exitCode` is 0."""
    status: RunStatus
    """Why the run ended."""
    stderr: str
    """What the program wrote to standard error up to its end."""
    stdout: str
    """What the program wrote to standard output up to its end. Bytes that are not UTF-8 are replaced by U+FFFD."""
    truncated: Truncated
    """Which streams lost their end to `maxOutputBytes`."""
    usage: RunUsage
    """What the run used."""
    artifacts: Optional[List[Artifact]] = None
    """The files that `artifacts` of the request names, sorted by name; absent where the request has no `artifacts`."""
    artifacts_omitted: Optional[int] = None
    """How many further files match `artifacts`; absent where all are listed."""
    compile: Optional[CompileResult] = None
    """The compilation of the program; absent where nothing was compiled."""
    hint: Optional[str] = None
    """What to send in the next request, where the program failed for want of a package."""
    limit: Optional[PolicyLimit] = None
    """The field of `policy` that ended the program; absent where none did."""
    network: Optional[NetworkReport] = None
    """What the network policy refused; absent where it refused nothing."""
    repo: Optional[FetchedRepository] = None
    """The repository of the request and the commit that the run had; absent where the request has no `repo`."""
    signal: Optional[str] = None
    """The name of the signal that ended the program."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RunResult:
        return cls(
            artifacts=None if (artifacts := data.get("artifacts")) is None else [Artifact._read(one) for one in artifacts],
            artifacts_omitted=data.get("artifactsOmitted"),
            compile=None if (compile := data.get("compile")) is None else CompileResult._read(compile),
            created_at=data["createdAt"],
            exit_code=data["exitCode"],
            hint=data.get("hint"),
            id=data["id"],
            limit=data.get("limit"),
            network=None if (network := data.get("network")) is None else NetworkReport._read(network),
            ok=data["ok"],
            repo=None if (repo := data.get("repo")) is None else FetchedRepository._read(repo),
            signal=data["signal"],
            status=data["status"],
            stderr=data["stderr"],
            stdout=data["stdout"],
            truncated=Truncated._read(data["truncated"]),
            usage=RunUsage._read(data["usage"]),
        )


@dataclass(frozen=True)
class UsedCompile:
    """How a program was compiled."""

    memory_mb: int
    """Memory of the compilation, in MiB."""
    options: List[str]
    """Options for the compiler."""
    timeout_ms: int
    """Wall clock of the compilation, in milliseconds."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> UsedCompile:
        return cls(
            memory_mb=data["memoryMB"],
            options=data["options"],
            timeout_ms=data["timeoutMs"],
        )


@dataclass(frozen=True)
class UsedPolicy:
    """What a program was allowed to use."""

    allow_network: bool
    """Whether the program could reach public addresses."""
    allowed_hosts: List[str]
    """The only hosts that it could reach; empty where there was no such list."""
    max_output_bytes: int
    """Bytes of each output stream."""
    memory_mb: int
    """Memory of all processes together with the files they write, in MiB."""
    timeout_ms: int
    """Wall clock of the program, in milliseconds."""
    cpu_ms: Optional[int] = None
    """Processor time of all processes, in milliseconds; absent where the request set no limit."""
    max_file_mb: Optional[int] = None
    """Size of one file, in MiB; absent where the request set no limit."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> UsedPolicy:
        return cls(
            allow_network=data["allowNetwork"],
            allowed_hosts=data["allowedHosts"],
            cpu_ms=data.get("cpuMs"),
            max_file_mb=data.get("maxFileMB"),
            max_output_bytes=data["maxOutputBytes"],
            memory_mb=data["memoryMB"],
            timeout_ms=data["timeoutMs"],
        )


@dataclass(frozen=True)
class UsedRepository:
    """The repository of a run, as it is kept."""

    url: str
    """Where it was fetched from."""
    ref: Optional[str] = None
    """The branch, tag or commit that the request named; absent where it named none."""
    subdir: Optional[str] = None
    """The directory that the request named; absent where it named none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> UsedRepository:
        return cls(
            ref=data.get("ref"),
            subdir=data.get("subdir"),
            url=data["url"],
        )


@dataclass(frozen=True)
class RunInput:
    """What was run, with every default filled in."""

    args: List[str]
    """Arguments of the program."""
    entrypoint: str
    """The path of the file that was started."""
    env_names: List[str]
    """Names of the variables in `env`. Their values are not kept."""
    lang: Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"]
    """The language of the program."""
    packages: List[str]
    """The packages that were installed first."""
    policy: UsedPolicy
    """What the program was allowed to use."""
    stdin: str
    """Standard input."""
    truncated: bool
    """Whether the source and the standard input were too large to keep."""
    code: Optional[str] = None
    """The program, where the request sent `code`."""
    compile: Optional[UsedCompile] = None
    """How the program was compiled; absent where it was not."""
    files: Optional[List[SourceFile]] = None
    """The program, where the request sent `files`."""
    repo: Optional[UsedRepository] = None
    """The repository that the request named; absent where it named none."""
    submission: Any = None
    """What a client of another code runner's protocol has sent beside the program, in its words; absent for other runs."""
    tty: Optional[TerminalSize] = None
    """The size of the terminal when the program started; absent where it had none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RunInput:
        return cls(
            args=data["args"],
            code=data.get("code"),
            compile=None if (compile := data.get("compile")) is None else UsedCompile._read(compile),
            entrypoint=data["entrypoint"],
            env_names=data["envNames"],
            files=data.get("files"),
            lang=data["lang"],
            packages=data["packages"],
            policy=UsedPolicy._read(data["policy"]),
            repo=None if (repo := data.get("repo")) is None else UsedRepository._read(repo),
            stdin=data["stdin"],
            submission=data.get("submission"),
            truncated=data["truncated"],
            tty=data.get("tty"),
        )


@dataclass(frozen=True)
class StoredRun:
    """A result that is read again. Callers of the run's own project get its input, too."""

    created_at: str
    """When the run was asked for."""
    exit_code: int
    """The program's own exit code; 124 after `timeout`, 128 and the signal's number where a signal ended it."""
    id: str
    """The id of the run, with which its result is read again."""
    ok: bool
    """Whether `status` is `success` and `exitCode` is 0."""
    status: RunStatus
    """Why the run ended."""
    stderr: str
    """What the program wrote to standard error up to its end."""
    stdout: str
    """What the program wrote to standard output up to its end. Bytes that are not UTF-8 are replaced by U+FFFD."""
    truncated: Truncated
    """Which streams lost their end to `maxOutputBytes`."""
    usage: RunUsage
    """What the run used."""
    artifacts: Optional[List[Artifact]] = None
    """The files that `artifacts` of the request names, sorted by name; absent where the request has no `artifacts`."""
    artifacts_omitted: Optional[int] = None
    """How many further files match `artifacts`; absent where all are listed."""
    compile: Optional[CompileResult] = None
    """The compilation of the program; absent where nothing was compiled."""
    hint: Optional[str] = None
    """What to send in the next request, where the program failed for want of a package."""
    input: Optional[RunInput] = None
    """What was run, with every default filled in. It is there for a key of the run's project and for the session of its owner."""
    limit: Optional[PolicyLimit] = None
    """The field of `policy` that ended the program; absent where none did."""
    network: Optional[NetworkReport] = None
    """What the network policy refused; absent where it refused nothing."""
    repo: Optional[FetchedRepository] = None
    """The repository of the request and the commit that the run had; absent where the request has no `repo`."""
    signal: Optional[str] = None
    """The name of the signal that ended the program."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> StoredRun:
        return cls(
            artifacts=None if (artifacts := data.get("artifacts")) is None else [Artifact._read(one) for one in artifacts],
            artifacts_omitted=data.get("artifactsOmitted"),
            compile=None if (compile := data.get("compile")) is None else CompileResult._read(compile),
            created_at=data["createdAt"],
            exit_code=data["exitCode"],
            hint=data.get("hint"),
            id=data["id"],
            input=None if (input := data.get("input")) is None else RunInput._read(input),
            limit=data.get("limit"),
            network=None if (network := data.get("network")) is None else NetworkReport._read(network),
            ok=data["ok"],
            repo=None if (repo := data.get("repo")) is None else FetchedRepository._read(repo),
            signal=data["signal"],
            status=data["status"],
            stderr=data["stderr"],
            stdout=data["stdout"],
            truncated=Truncated._read(data["truncated"]),
            usage=RunUsage._read(data["usage"]),
        )


@dataclass(frozen=True)
class OutputSoFar:
    """What a run has written so far: the end of each stream, in whole characters."""

    stderr: str
    """The last 64 KiB or more of standard error."""
    stderr_omitted_bytes: int
    """How many bytes of standard error come before `stderr`."""
    stdout: str
    """The last 64 KiB or more of standard output."""
    stdout_omitted_bytes: int
    """How many bytes of standard output come before `stdout`."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> OutputSoFar:
        return cls(
            stderr=data["stderr"],
            stderr_omitted_bytes=data["stderrOmittedBytes"],
            stdout=data["stdout"],
            stdout_omitted_bytes=data["stdoutOmittedBytes"],
        )


@dataclass(frozen=True)
class PendingRun:
    """A run that has not ended."""

    created_at: str
    """When the run was asked for."""
    id: str
    """The id of the run."""
    status: PendingStatus
    """How far it is."""
    output: Optional[OutputSoFar] = None
    """What it has written so far, once its program may have begun. The answer that starts a run is without it, and so is a run whose output cannot be followed: one that is neither detached nor has an idempotency key."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> PendingRun:
        return cls(
            created_at=data["createdAt"],
            id=data["id"],
            output=None if (output := data.get("output")) is None else OutputSoFar._read(output),
            status=data["status"],
        )


@dataclass(frozen=True)
class UsageRun:
    """A run, as its project sees it."""

    api_key_id: str
    """The id of the key that it was asked for with."""
    code_snippet: str
    """The first 200 characters of the code."""
    created_at: str
    """When the run was asked for."""
    execution_time_ms: int
    """Wall clock of the program, in whole milliseconds."""
    exit_code: int
    """The exit code."""
    id: str
    """The id of the run."""
    language: Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust", "javascript", "typescript"]
    """The language."""
    status: RunStatus
    """Why the run ended."""
    ip_address: Optional[str] = None
    """The caller's network address; null unless the project keeps addresses."""
    user_context: Optional[UserContext] = None
    """The user for whom the caller ran it, as it was sent; null where none was named."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> UsageRun:
        return cls(
            api_key_id=data["api_key_id"],
            code_snippet=data["code_snippet"],
            created_at=data["created_at"],
            execution_time_ms=data["execution_time_ms"],
            exit_code=data["exit_code"],
            id=data["id"],
            ip_address=data["ip_address"],
            language=data["language"],
            status=data["status"],
            user_context=data["user_context"],
        )


@dataclass(frozen=True)
class ListedPendingRun:
    """A run that has not ended, in a list."""

    api_key_id: str
    """The id of the key that it was asked for with."""
    code_snippet: str
    """The first 200 characters of the code."""
    created_at: str
    """When the run was asked for."""
    id: str
    """The id of the run."""
    language: Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust", "javascript", "typescript"]
    """The language."""
    status: PendingStatus
    """How far it is."""
    user_context: Optional[UserContext] = None
    """The user for whom the caller runs it, as it was sent; null where none was named."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ListedPendingRun:
        return cls(
            api_key_id=data["api_key_id"],
            code_snippet=data["code_snippet"],
            created_at=data["created_at"],
            id=data["id"],
            language=data["language"],
            status=data["status"],
            user_context=data["user_context"],
        )


@dataclass(frozen=True)
class RunList:
    """A page of a project's runs."""

    history: List[UsageRun]
    """Programs and scripts that have ended, the newest first."""
    next_cursor: Optional[str] = None
    """The `cursor` of the next page of `history`; null on the last one."""
    pending: Optional[List[ListedPendingRun]] = None
    """Programs that have not ended, the newest first, all on the first page. Null if the pool of the project does not answer."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RunList:
        return cls(
            history=[UsageRun._read(one) for one in data["history"]],
            next_cursor=data["next_cursor"],
            pending=None if (pending := data["pending"]) is None else [ListedPendingRun._read(one) for one in pending],
        )


@dataclass(frozen=True)
class ScriptError:
    """What ended a script."""

    message: str
    """The error's message."""
    name: str
    """The error's class, such as `TypeError`. `TimeoutError`, `MemoryError`, `ResultError`, `ValidationError` and `SystemError` are the service's own."""
    column: Optional[int] = None
    """The column in that line, counted from 1 in UTF-16 units."""
    line: Optional[int] = None
    """The line in the author's text, counted from 1."""
    stack: Optional[str] = None
    """The stack, with the author's own lines and columns, in `code.js` or `code.ts`."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ScriptError:
        return cls(
            column=data["column"],
            line=data["line"],
            message=data["message"],
            name=data["name"],
            stack=data["stack"],
        )


@dataclass(frozen=True)
class LogEntry:
    """One call of a console method."""

    level: Literal["debug", "log", "info", "warn", "error"]
    """The console method, of those that print."""
    message: str
    """The text, as Node would print it."""
    time_ms: float
    """Milliseconds since the script's start."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> LogEntry:
        return cls(
            level=data["level"],
            message=data["message"],
            time_ms=data["timeMs"],
        )


@dataclass(frozen=True)
class AiUsage:
    """What a script used of models."""

    calls: int
    """Calls of `ai()` that reached a model."""
    input_tokens: int
    """Tokens of all inputs, as the models report them, or else estimated."""
    neurons: float
    """The price, in neurons of Cloudflare, estimated from its price list."""
    output_tokens: int
    """Tokens of all responses, as the models report them, or else estimated."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> AiUsage:
        return cls(
            calls=data["calls"],
            input_tokens=data["inputTokens"],
            neurons=data["neurons"],
            output_tokens=data["outputTokens"],
        )


@dataclass(frozen=True)
class ScriptUsage:
    """What a script used. The platform tells neither the processor time nor the memory of one isolate."""

    blocked_connections: int
    """Calls of `api()` that the allow-lists or the address rules refused."""
    duration_ms: float
    """Wall clock in milliseconds."""
    install_ms: float
    """Always 0: scripts have no packages."""
    queue_ms: float
    """Milliseconds spent waiting for a slot."""
    ai: Optional[AiUsage] = None
    """What the script used of models; absent if it called none."""
    cpu_ms: Optional[float] = None
    """Processor time in milliseconds; null where it is unknown."""
    mem_mb: Optional[float] = None
    """Memory in MiB; null where it is unknown."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ScriptUsage:
        return cls(
            ai=None if (ai := data.get("ai")) is None else AiUsage._read(ai),
            blocked_connections=data["blockedConnections"],
            cpu_ms=data["cpuMs"],
            duration_ms=data["durationMs"],
            install_ms=data["installMs"],
            mem_mb=data["memMB"],
            queue_ms=data["queueMs"],
        )


@dataclass(frozen=True)
class ScriptResult:
    """How a script ended: the fields of a run's result, and those that only a script has."""

    created_at: str
    """When the script was asked for."""
    execution_time: float
    """Wall clock of the script in milliseconds; the same as `usage.durationMs`."""
    exit_code: int
    """0 after a success, 124 after a timeout, 137 where memory was short, else 1."""
    id: str
    """The id of the execution, with which its result is read again."""
    logs: List[LogEntry]
    """What the script logged, in order."""
    ok: bool
    """Whether `status` is `success`."""
    result: Any
    """What the script returned, as `JSON.stringify` gives it; null for `undefined` and after an error."""
    status: RunStatus
    """Why the script ended: `success`, `error`, `timeout`, `memory`, `output` or `system`."""
    stderr: str
    """What was logged at the levels `warn` and `error`, and then the error that ended the script."""
    stdout: str
    """What was logged at the levels `debug`, `log` and `info`, a line each."""
    success: bool
    """Whether the script returned, and what it returned could be handed over."""
    truncated: Truncated
    """Whether log entries of those levels were left out."""
    usage: ScriptUsage
    """What the script used."""
    error: Optional[ScriptError] = None
    """What ended the script, where something did."""
    signal: Optional[str] = None
    """Always null."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ScriptResult:
        return cls(
            created_at=data["createdAt"],
            error=None if (error := data["error"]) is None else ScriptError._read(error),
            execution_time=data["executionTime"],
            exit_code=data["exitCode"],
            id=data["id"],
            logs=[LogEntry._read(one) for one in data["logs"]],
            ok=data["ok"],
            result=data["result"],
            signal=data["signal"],
            status=data["status"],
            stderr=data["stderr"],
            stdout=data["stdout"],
            success=data["success"],
            truncated=Truncated._read(data["truncated"]),
            usage=ScriptUsage._read(data["usage"]),
        )


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong with a script. Columns count UTF-16 units."""

    column: int
    """The column in which it begins, counted from 1."""
    end_column: int
    """The column after its last character."""
    end_line: int
    """The line in which it ends."""
    line: int
    """The line in which it begins, counted from 1."""
    message: str
    """A sentence, with the way out."""
    rule: str
    """`syntax`, `too-large`, or what is not there for scripts: `require`, `import`, `eval`, `Function`, `process`, `__dirname`, `__filename`."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Diagnostic:
        return cls(
            column=data["column"],
            end_column=data["endColumn"],
            end_line=data["endLine"],
            line=data["line"],
            message=data["message"],
            rule=data["rule"],
        )


@dataclass(frozen=True)
class Validation:
    """What is wrong with a script."""

    errors: List[Diagnostic]
    """The findings, in the order of the text."""
    valid: bool
    """Whether nothing is."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Validation:
        return cls(
            errors=[Diagnostic._read(one) for one in data["errors"]],
            valid=data["valid"],
        )


@dataclass(frozen=True)
class RunToken:
    """A run token that was made. No other response shows it."""

    expires_at: str
    """When it ends."""
    token: str
    """The token, to be sent wherever a run takes an API key."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RunToken:
        return cls(
            expires_at=data["expiresAt"],
            token=data["token"],
        )


@dataclass(frozen=True)
class CreatedRoom:
    """A room that was made, and a token of its owner's."""

    expires_at: str
    """When the token ends."""
    id: str
    """The id of the room."""
    role: Role
    """The role of the token."""
    token: str
    """A token with the role `owner`."""
    url: str
    """The address of the room's page."""
    websocket: str
    """The address of the WebSocket that speaks JSON."""
    yjs: str
    """The address of the WebSocket that speaks the protocol of y-websocket."""
    name: Optional[str] = None
    """The name of the room; null if it has none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CreatedRoom:
        return cls(
            expires_at=data["expires_at"],
            id=data["id"],
            name=data["name"],
            role=data["role"],
            token=data["token"],
            url=data["url"],
            websocket=data["websocket"],
            yjs=data["yjs"],
        )


@dataclass(frozen=True)
class ListedRoom:
    """A room in a list."""

    created_at: str
    """When the room was made."""
    id: str
    """The id of the room."""
    name: Optional[str] = None
    """The name of the room; null if it has none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ListedRoom:
        return cls(
            created_at=data["created_at"],
            id=data["id"],
            name=data["name"],
        )


@dataclass(frozen=True)
class RoomPage:
    """A page of a project's rooms, the newest first."""

    rooms: List[ListedRoom]
    """The rooms."""
    next_cursor: Optional[str] = None
    """The `cursor` of the next page; null on the last one."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RoomPage:
        return cls(
            next_cursor=data["next_cursor"],
            rooms=[ListedRoom._read(one) for one in data["rooms"]],
        )


@dataclass(frozen=True)
class RoomToken:
    """The right to be in a room."""

    expires_at: str
    """When it ends."""
    role: Role
    """What its holder may do."""
    token: str
    """The token itself."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RoomToken:
        return cls(
            expires_at=data["expires_at"],
            role=data["role"],
            token=data["token"],
        )


@dataclass(frozen=True)
class RoomRun:
    """How a run in a room ended."""

    error: str
    """What it wrote to standard error."""
    exit_code: int
    """Its exit code."""
    output: str
    """What it wrote to standard output."""
    result: RunResult
    """The whole result."""
    success: bool
    """Whether the program ended well: `ok` of the result."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RoomRun:
        return cls(
            error=data["error"],
            exit_code=data["exitCode"],
            output=data["output"],
            result=RunResult._read(data["result"]),
            success=data["success"],
        )


@dataclass(frozen=True)
class Language:
    """A language of one tier."""

    id: str
    """The id, as `lang` of a request."""
    name: str
    """The name that people read."""
    tier: Literal["run", "isolate"]
    """The tier that its code runs in.

    * `run`: A program in a jail of its own, in a container.
    * `isolate`: A script in an isolate.
    """
    versions: Dict[str, str]
    """Component → version, as it says itself; empty where it could not be asked."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Language:
        return cls(
            id=data["id"],
            name=data["name"],
            tier=data["tier"],
            versions=data["versions"],
        )


@dataclass(frozen=True)
class Languages:
    """Every language of every tier that works here."""

    languages: List[Language]
    """The languages."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Languages:
        return cls(
            languages=[Language._read(one) for one in data["languages"]],
        )


@dataclass(frozen=True)
class RunnerHealth:
    """What a runner says about itself and the machine it stands on."""

    forked: int
    """Programs that were forked of the same started interpreters as those that wait. With 0 every next program is the first."""
    instance: str
    """This very process: random, made at its start. Empty where the runner is too old to say it."""
    languages: Dict[str, str]
    """Language → version, as the interpreter itself reports it."""
    properties: Dict[str, str]
    """Property of the jail → what holds it here, for example `memory` → `cgroup v1`."""
    protocol: int
    """The version of the protocol that the runner speaks."""
    ready: Dict[str, int]
    """Language → how many of those have come as far as their script."""
    running: int
    """Runs in progress, installations included."""
    slots: int
    """Runs that may be in progress at once."""
    tier: str
    """Which set of isolation primitives is in use, for example `root` or `user-namespace`."""
    version: str
    """The runner's release."""
    waiting: Dict[str, int]
    """Language → interpreters that wait, started, for a program."""
    waiting_mb: Optional[float] = None
    """Memory that those hold together, in MiB with two decimals; null where nothing measures it."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> RunnerHealth:
        return cls(
            forked=data["forked"],
            instance=data["instance"],
            languages=data["languages"],
            properties=data["properties"],
            protocol=data["protocol"],
            ready=data["ready"],
            running=data["running"],
            slots=data["slots"],
            tier=data["tier"],
            version=data["version"],
            waiting=data["waiting"],
            waiting_mb=data["waitingMB"],
        )


@dataclass(frozen=True)
class Backend:
    """What runs programs."""

    kind: Literal["url", "container"]
    """`container` where each project has containers, `url` where one runner serves all."""
    reachable: bool
    """Whether programs can be run now."""
    runner: Optional[RunnerHealth] = None
    """What the runner says about itself; null where there is none to ask."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Backend:
        return cls(
            kind=data["kind"],
            reachable=data["reachable"],
            runner=None if (runner := data["runner"]) is None else RunnerHealth._read(runner),
        )


@dataclass(frozen=True)
class Health:
    """Whether the service works."""

    backend: Backend
    """What runs programs."""
    environment: str
    """Which deployment this is."""
    protocol: int
    """The version of the protocol between the service and its runners."""
    status: Literal["ok", "degraded"]
    """`ok`, or `degraded` where the runner does not answer."""
    version: str
    """The release of the service."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Health:
        return cls(
            backend=Backend._read(data["backend"]),
            environment=data["environment"],
            protocol=data["protocol"],
            status=data["status"],
            version=data["version"],
        )


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request: where it is, and what would be right."""

    field: str
    """The path of the field as a person would write it in JavaScript, for example `files[2].path`; empty for the body."""
    message: str
    """A clause that reads on from the field's name: `must be …`."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> FieldError:
        return cls(
            field=data["field"],
            message=data["message"],
        )


@dataclass(frozen=True)
class BatchError:
    """Why a run of a batch was not started."""

    code: Literal["invalid_json", "invalid_request", "incomplete_body", "body_too_large", "api_key_required", "invalid_api_key", "invalid_token", "token_not_enough", "session_required", "foreign_origin", "unsupported_media_type", "too_many_requests", "invalid_link", "authorization_pending", "slow_down", "access_denied", "expired_token", "session_not_found", "domain_not_allowed", "rate_limit_exceeded", "quota_exceeded", "quota_full", "account_suspended", "project_not_found", "key_not_found", "key_revoked", "key_rotated", "key_expired", "room_not_found", "room_token_required", "room_role_too_low", "room_busy", "too_many_rooms", "judge_not_found", "too_many_judges", "sandbox_not_found", "too_many_sandboxes", "snapshot_not_found", "too_many_snapshots", "not_a_branch", "sandbox_unavailable", "sandbox_interrupted", "context_not_found", "too_many_contexts", "file_not_found", "file_exists", "is_directory", "not_a_directory", "directory_not_empty", "disk_full", "file_refused", "repository_refused", "process_not_found", "process_ended", "stdin_closed", "too_many_processes", "sandbox_session_not_found", "sandbox_session_exists", "too_many_sandbox_sessions", "port_not_found", "too_many_ports", "previews_unavailable", "preview_not_found", "preview_starting", "port_not_listening", "port_no_answer", "too_many_connections", "upgrade_required", "not_found", "run_not_found", "artifact_not_found", "run_ended", "method_not_allowed", "idempotency_key_reused", "idempotency_in_doubt", "idempotent_run_deleted", "idempotency_keys_full", "runner_busy", "queue_full", "runner_unavailable", "language_unavailable", "terminal_unavailable", "runner_mismatch", "isolates_unavailable", "service_unavailable", "internal"]
    """What went wrong, for programs.

    * `invalid_json`: The body is not JSON; the message says where.
    * `invalid_request`: Fields are wrong, missing or unknown; `errors` has all of them.
    * `incomplete_body`: The connection ended before the body did. Nothing was run; send it again.
    * `body_too_large`: The body is larger than this operation takes.
    * `api_key_required`: There is no `Authorization: Bearer` with an API key. `signup_url` is where to get one.
    * `invalid_api_key`: The key is misspelled, was never made, has ended, or was revoked.
    * `invalid_token`: The run token has ended, or this deployment has not made it. Get a new one.
    * `token_not_enough`: A run token runs programs and does nothing else, and one for a publishable key detaches none and sends no batches. Use the API key.
    * `session_required`: There is no session cookie, or its session has ended.
    * `foreign_origin`: A page of another site sent this, and the session cookie is for the service's own pages.
    * `unsupported_media_type`: The body has to be JSON and say so: `Content-Type: application/json`.
    * `too_many_requests`: Too many login links, new accounts, or requests without a valid API key came from this network, or too many new accounts have this mail domain or mailbox. Try again after `retry_after` seconds.
    * `invalid_link`: The login link has expired, was used before, or never was. Ask for a new one.
    * `authorization_pending`: The user has not yet allowed the program. Ask again after `interval` seconds.
    * `slow_down`: The program asks too often. Wait `interval` seconds between two questions.
    * `access_denied`: The user has refused the program.
    * `expired_token`: The device code has expired, was used before, or never was. Begin a new login.
    * `session_not_found`: The account has no session with this id.
    * `domain_not_allowed`: The key is for pages of the domains that it lists, and this call comes from another page or from none.
    * `rate_limit_exceeded`: The key has had its calls of the last minute. `reset_at` and `Retry-After` say when there is room for the next.
    * `quota_exceeded`: The account has used up a quota, which `quota` names. It has room again at `reset_at`, or when a run ends. `GET /api/account/usage` lists all quotas.
    * `quota_full`: The account has as many of this as it may; `quota` says what. Delete some, or ask the operator of the service. `GET /api/account/usage` lists all quotas.
    * `account_suspended`: The operator of the service has suspended the account. Its keys and sessions are refused.
    * `project_not_found`: The account has no project with this id.
    * `key_not_found`: The account has no API key with this id.
    * `key_revoked`: The key was revoked, which is for good. Make a new one.
    * `key_rotated`: The key has a successor already, which `successor_id` names. A key is rotated once.
    * `key_expired`: The key has expired, and so would its successor. Make a new one.
    * `room_not_found`: There is no room with this id, or it is another project's.
    * `room_token_required`: The room is a project's, and the call brings no token for it, or one that has ended.
    * `room_role_too_low`: The token's role does not include this; `detail` says which one does.
    * `room_busy`: A program runs in this room already. It ends by its time limit at the latest; then try again.
    * `too_many_rooms`: The project has 500 rooms. Delete one with `DELETE /api/rooms/:id`; `GET /api/rooms` lists them.
    * `judge_not_found`: There is no judge with this id, or it is another project's.
    * `too_many_judges`: The project has 100 judges. Delete one with `DELETE /api/judges/:id`; `GET /api/projects/:id/judges` lists them.
    * `sandbox_not_found`: There is no sandbox with this id or key, or it is another project's.
    * `too_many_sandboxes`: The project has 500 sandboxes. Delete one with `DELETE /api/v1/sandboxes/:id`; `GET /api/v1/sandboxes` lists them.
    * `snapshot_not_found`: The sandbox has no snapshot with this id.
    * `too_many_snapshots`: The sandbox has 100 snapshots. Delete one with `DELETE /api/v1/sandboxes/:id/snapshots/:snapshot`; `GET /api/v1/sandboxes/:id/snapshots` lists them.
    * `not_a_branch`: Neither sandbox is a branch of the other, so nothing says what each has changed. `POST /api/v1/sandboxes/:id/branch` makes a branch.
    * `sandbox_unavailable`: The sandbox cannot be started now: no runner answers, all places for sandboxes that are awake are taken, or its files cannot be read. Nothing was executed; try again after `Retry-After`.
    * `sandbox_interrupted`: The machine of the sandbox was lost while the call was in progress, and whether it was carried out is unknown. The next call starts the sandbox with the files that were saved last.
    * `context_not_found`: The sandbox has no such context. Contexts end when the sandbox sleeps or its machine is made anew, and what they held is lost. Make another one with `POST /api/v1/sandboxes/:id/contexts`.
    * `too_many_contexts`: The sandbox has 16 contexts. Delete one with `DELETE /api/v1/sandboxes/:id/contexts/:context`.
    * `file_not_found`: The sandbox has no file or directory with this path.
    * `file_exists`: There is a file or directory with this path already.
    * `is_directory`: The path is a directory, and the operation is for files.
    * `not_a_directory`: The path, or a part of it, is not a directory.
    * `directory_not_empty`: The directory has entries. `recursive` deletes it with everything in it.
    * `disk_full`: The files of the sandbox take all that `runtime_config.diskMB` allows. Delete some.
    * `file_refused`: The sandbox cannot do this with the file; `detail` says why.
    * `repository_refused`: The repository cannot be checked out; `repository_error` names the reason, and `detail` says what to change. Nothing was written.
    * `process_not_found`: The sandbox has no process with this id. Processes end when a sandbox sleeps.
    * `process_ended`: The process has ended, so nothing can be sent to it. `GET …/processes/:process` says how it ended.
    * `stdin_closed`: The standard input of the process is closed, or not read by it. Start the process with `stdin: true`.
    * `too_many_processes`: 128 processes run in the background of the sandbox, the most that may. End some.
    * `sandbox_session_not_found`: The sandbox has no session with this id.
    * `sandbox_session_exists`: The sandbox has a session with this id already. Delete it first, or use it.
    * `too_many_sandbox_sessions`: The sandbox has 64 sessions, the most that it may have. Delete one.
    * `port_not_found`: The sandbox does not expose this port. Expose it with `POST /api/v1/sandboxes/:id/ports`.
    * `too_many_ports`: The sandbox exposes 64 ports, the most that it may. Delete one with `DELETE /api/v1/sandboxes/:id/ports/:port`.
    * `previews_unavailable`: This deployment has no host for the URLs of ports. Its operator sets `PREVIEW_HOST`.
    * `preview_not_found`: At the URL of a port: no sandbox exposes a port there, or its token is another one.
    * `preview_starting`: At the URL of a port: the sandbox was asleep, and starts now. Try again after `Retry-After`; its servers must be started again, too.
    * `port_not_listening`: At the URL of a port: nothing in the sandbox listens on it.
    * `port_no_answer`: At the URL of a port: what listens on it closed the connection, did not answer in two minutes, or does not speak HTTP/1.1.
    * `too_many_connections`: At the URL of a port: 256 connections to the sandbox are open, the most that may be.
    * `upgrade_required`: This address is a WebSocket: connect with one.
    * `not_found`: There is nothing at this path.
    * `run_not_found`: No run has this id, or it ended more than 7 days ago, or it is private to its project.
    * `artifact_not_found`: The link was not made by this service, or has expired, or its file was deleted.
    * `run_ended`: The run ended before the call that cancels it; `detail` says how. `GET /api/run/:id` has its result.
    * `method_not_allowed`: The path exists for other methods; `Allow` lists them.
    * `idempotency_key_reused`: This `Idempotency-Key` was used with another body within 24 hours. Use a new key for a new run.
    * `idempotency_in_doubt`: The first run with this `Idempotency-Key` was interrupted, and whether it finished is unknown. A new key runs it again.
    * `idempotent_run_deleted`: The run with this `Idempotency-Key` has ended, and its result was deleted. A new key runs it again.
    * `idempotency_keys_full`: The project has used too many idempotency keys in the last 24 hours. Nothing was run; send the request without a key, or try again later.
    * `runner_busy`: All slots are taken, and the run waited 10 seconds for one. It did not start; try again after `Retry-After`.
    * `queue_full`: So many runs of the project wait for a slot, or are detached, that no more may. The run did not start; try again after `Retry-After`.
    * `runner_unavailable`: No runner answers. The run did not start; try again after `Retry-After`. Only a call with an `Idempotency-Key` may have started one: repeat it with the same key.
    * `language_unavailable`: The language is not installed here, or not yet: `GET /languages` lists those that are. The run did not start.
    * `terminal_unavailable`: The machine of the runner has no terminals for programs. The run did not start; leave `tty` out.
    * `runner_mismatch`: The runner is of another release, as may happen for a moment during an update. The run did not start; try again.
    * `isolates_unavailable`: This deployment has no isolate tier. `POST /api/run` takes programs.
    * `service_unavailable`: A part of the service does not answer. Try again after `Retry-After`.
    * `internal`: A fault of the service. Report the `requestId`.
    """
    message: str
    """What went wrong, in a sentence."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> BatchError:
        return cls(
            code=data["code"],
            message=data["message"],
        )


@dataclass(frozen=True)
class Shortened:
    """Which streams are not whole in the result of a batch."""

    stderr: bool
    """Standard error is not."""
    stdout: bool
    """Standard output is not."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Shortened:
        return cls(
            stderr=data["stderr"],
            stdout=data["stdout"],
        )


@dataclass(frozen=True)
class BatchRun:
    """One run of a batch. It has either `result` or `error`."""

    index: int
    """Its place in the request, from 0."""
    error: Optional[BatchError] = None
    """Why it was not started."""
    result: Optional[RunResult] = None
    """How it ended. `stdout` and `stderr` are the first 64 KiB of each; `GET /api/run/:id` has all."""
    shortened: Optional[Shortened] = None
    """Which streams of `result` are not whole here; absent where both are."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> BatchRun:
        return cls(
            error=None if (error := data.get("error")) is None else BatchError._read(error),
            index=data["index"],
            result=None if (result := data.get("result")) is None else RunResult._read(result),
            shortened=None if (shortened := data.get("shortened")) is None else Shortened._read(shortened),
        )


@dataclass(frozen=True)
class BatchResult:
    """How the runs of a batch ended."""

    results: List[BatchRun]
    """The runs, in the order of the request."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> BatchResult:
        return cls(
            results=[BatchRun._read(one) for one in data["results"]],
        )


@dataclass(frozen=True)
class CheckerRun:
    """The run of a checker or of an interactor."""

    exit_code: int
    """Its exit code."""
    id: str
    """The id of the run."""
    message: str
    """What a checker wrote to standard output, and then what it or an interactor wrote to standard error: the first 2 KiB of each."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CheckerRun:
        return cls(
            exit_code=data["exitCode"],
            id=data["id"],
            message=data["message"],
        )


@dataclass(frozen=True)
class Difference:
    """Where an output differs first from the expected one."""

    actual: str
    """What the output has there: at most 100 characters. Empty where it has ended."""
    column: int
    """The character of the line, from 1."""
    expected: str
    """What is expected there: at most 100 characters. Empty where the output should have ended."""
    line: int
    """The line of the output, from 1."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Difference:
        return cls(
            actual=data["actual"],
            column=data["column"],
            expected=data["expected"],
            line=data["line"],
        )


@dataclass(frozen=True)
class JudgedRun:
    """The run of a program in a test."""

    cpu_ms: float
    """Processor time of the program in milliseconds, without its compilation."""
    duration_ms: float
    """Wall clock of the program, in milliseconds."""
    exit_code: int
    """The exit code of the program."""
    id: str
    """The id of the run, with which its whole result is read."""
    mem_mb: float
    """The most memory that the program held at once, in MiB."""
    status: RunStatus
    """Why the run ended."""
    stderr: str
    """What the program wrote to standard error: the first 2 KiB."""
    signal: Optional[str] = None
    """The name of the signal that ended the program."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> JudgedRun:
        return cls(
            cpu_ms=data["cpuMs"],
            duration_ms=data["durationMs"],
            exit_code=data["exitCode"],
            id=data["id"],
            mem_mb=data["memMB"],
            signal=data["signal"],
            status=data["status"],
            stderr=data["stderr"],
        )


@dataclass(frozen=True)
class JudgedTest:
    """What became of one test."""

    index: int
    """Its place in the request, from 0."""
    points: float
    """The points of the program."""
    verdict: JudgeVerdict
    """The verdict on the test."""
    checker: Optional[CheckerRun] = None
    """The run of the checker; absent where none was started."""
    difference: Optional[Difference] = None
    """Where the output differs first; absent where it does not, and where no comparison was made."""
    interactor: Optional[CheckerRun] = None
    """The run of the interactor; absent where none was started."""
    message: Optional[str] = None
    """Why there is no verdict on the program, with `judge_error`."""
    name: Optional[str] = None
    """The name that the request has given it."""
    run: Optional[JudgedRun] = None
    """The run of the program; absent where the program was not started."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> JudgedTest:
        return cls(
            checker=None if (checker := data.get("checker")) is None else CheckerRun._read(checker),
            difference=None if (difference := data.get("difference")) is None else Difference._read(difference),
            index=data["index"],
            interactor=None if (interactor := data.get("interactor")) is None else CheckerRun._read(interactor),
            message=data.get("message"),
            name=data.get("name"),
            points=data["points"],
            run=None if (run := data.get("run")) is None else JudgedRun._read(run),
            verdict=data["verdict"],
        )


@dataclass(frozen=True)
class JudgeResult:
    """What became of the tests."""

    created_at: str
    """When the judgement was asked for."""
    max_points: float
    """The points that there were."""
    passed: int
    """How many tests are accepted."""
    points: float
    """The points of the tests, added."""
    tests: List[JudgedTest]
    """The tests, in the order of the request."""
    verdict: JudgeVerdict
    """`accepted` where all tests are, else the verdict on the first test that is not."""
    compile: Optional[CompileResult] = None
    """The compilation of the program; absent where nothing was compiled."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> JudgeResult:
        return cls(
            compile=None if (compile := data.get("compile")) is None else CompileResult._read(compile),
            created_at=data["createdAt"],
            max_points=data["maxPoints"],
            passed=data["passed"],
            points=data["points"],
            tests=[JudgedTest._read(one) for one in data["tests"]],
            verdict=data["verdict"],
        )


@dataclass(frozen=True)
class Sandbox:
    """A sandbox."""

    created_at: str
    """When it was made."""
    env_names: List[str]
    """The names of the variables of every command. Their values are not shown, because they are often secrets."""
    id: str
    """The id of the sandbox."""
    language: Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"]
    """The language of files whose ending says none."""
    project_id: str
    """The project that it belongs to."""
    runtime_config: RuntimeConfig
    """What it may use, and when it sleeps."""
    status: SandboxStatus
    """What it does at the moment."""
    updated_at: str
    """When its settings last changed."""
    description: Optional[str] = None
    """What it is for; null if nobody has said so."""
    key: Optional[str] = None
    """Your own name for it; null if it has none."""
    last_used_at: Optional[str] = None
    """When it was last used, to the minute; null if it never was."""
    name: Optional[str] = None
    """The name; null if it has none."""
    restored_from: Optional[str] = None
    """If its machine was lost since it was last put to sleep: its files were then restored as they had been at this time."""
    save_failing: Optional[str] = None
    """While its files cannot be saved: since when. It stays awake until they are."""
    saved_at: Optional[str] = None
    """When its files were last saved; null if they never were."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Sandbox:
        return cls(
            created_at=data["created_at"],
            description=data["description"],
            env_names=data["env_names"],
            id=data["id"],
            key=data["key"],
            language=data["language"],
            last_used_at=data["last_used_at"],
            name=data["name"],
            project_id=data["project_id"],
            restored_from=data.get("restoredFrom"),
            runtime_config=_renamed(data["runtime_config"]),
            save_failing=data.get("saveFailing"),
            saved_at=data["saved_at"],
            status=data["status"],
            updated_at=data["updated_at"],
        )


@dataclass(frozen=True)
class ListedSandbox:
    """A sandbox in a list."""

    created_at: str
    """When it was made."""
    id: str
    """The id of the sandbox."""
    language: Literal["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"]
    """The language of files whose ending says none."""
    project_id: str
    """The project that it belongs to."""
    status: SandboxStatus
    """What it does at the moment."""
    updated_at: str
    """When its settings last changed."""
    description: Optional[str] = None
    """What it is for; null if nobody has said so."""
    key: Optional[str] = None
    """Your own name for it; null if it has none."""
    last_used_at: Optional[str] = None
    """When it was last used, to the minute; null if it never was."""
    name: Optional[str] = None
    """The name; null if it has none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ListedSandbox:
        return cls(
            created_at=data["created_at"],
            description=data["description"],
            id=data["id"],
            key=data["key"],
            language=data["language"],
            last_used_at=data["last_used_at"],
            name=data["name"],
            project_id=data["project_id"],
            status=data["status"],
            updated_at=data["updated_at"],
        )


@dataclass(frozen=True)
class SandboxPage:
    """A page of a project's sandboxes, the newest first."""

    sandboxes: List[ListedSandbox]
    """The sandboxes."""
    next_cursor: Optional[str] = None
    """The `cursor` of the next page; null on the last one."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SandboxPage:
        return cls(
            next_cursor=data["next_cursor"],
            sandboxes=[ListedSandbox._read(one) for one in data["sandboxes"]],
        )


@dataclass(frozen=True)
class ExecSession:
    """What became of the session of a command."""

    ended: bool
    """The shell has ended with this command: by `exit`, a signal, or the time limit."""
    id: str
    """The id of the session."""
    restarted: bool
    """The shell of earlier commands had ended, and this command had a new one, without what those had set."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ExecSession:
        return cls(
            ended=data["ended"],
            id=data["id"],
            restarted=data["restarted"],
        )


@dataclass(frozen=True)
class ExecUsage:
    """What a command has used."""

    cpu_ms: float
    """Processor time in milliseconds."""
    duration_ms: float
    """Wall-clock time in milliseconds."""
    mem_mb: float
    """The most memory at one moment, in mebibytes."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ExecUsage:
        return cls(
            cpu_ms=data["cpuMs"],
            duration_ms=data["durationMs"],
            mem_mb=data["memMB"],
        )


@dataclass(frozen=True)
class ExecResult:
    """How a command ended."""

    command: str
    """The command; the words of `argv` with spaces between them."""
    duration_ms: float
    """Wall-clock time in milliseconds."""
    exit_code: int
    """As a shell has it: 128 and the number of a signal; 124 after the time limit; 127 if there is no such program."""
    id: str
    """The id of the execution."""
    status: ExecStatus
    """What ended it."""
    stderr: str
    """What it wrote to standard error."""
    stdout: str
    """What it wrote to standard output. Bytes that are not UTF-8 become U+FFFD."""
    success: bool
    """Whether the exit code is 0."""
    timed_out: bool
    """Whether the time limit ended it."""
    timestamp: str
    """When it was started."""
    truncated: Truncated
    """Whether output was cut."""
    usage: ExecUsage
    """What it has used."""
    restored_from: Optional[str] = None
    """If the machine of the sandbox was lost before this command: the files are as they had been at this time."""
    session: Optional[ExecSession] = None
    """With a session: what became of it."""
    signal: Optional[str] = None
    """The name of the signal that ended it, for example `SIGKILL`; null if none did."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ExecResult:
        return cls(
            command=data["command"],
            duration_ms=data["durationMs"],
            exit_code=data["exitCode"],
            id=data["id"],
            restored_from=data.get("restoredFrom"),
            session=None if (session := data.get("session")) is None else ExecSession._read(session),
            signal=data["signal"],
            status=data["status"],
            stderr=data["stderr"],
            stdout=data["stdout"],
            success=data["success"],
            timed_out=data["timedOut"],
            timestamp=data["timestamp"],
            truncated=Truncated._read(data["truncated"]),
            usage=ExecUsage._read(data["usage"]),
        )


@dataclass(frozen=True)
class ExecuteResult:
    """How the run of a file ended."""

    created_at: str
    """When it was started."""
    duration_ms: float
    """The same as `usage.durationMs`."""
    error: str
    """The same as `stderr`."""
    exit_code: int
    """The exit code, as a shell has it."""
    file_path: str
    """The file that ran."""
    id: str
    """The id of the execution."""
    ok: bool
    """Whether the exit code is 0."""
    output: str
    """The same as `stdout`."""
    status: ExecStatus
    """What ended the program."""
    stderr: str
    """What it wrote to standard error."""
    stdout: str
    """What it wrote to standard output."""
    timestamp: str
    """The same as `createdAt`."""
    truncated: Truncated
    """Whether output was cut."""
    usage: ExecUsage
    """What it has used."""
    restored_from: Optional[str] = None
    """If the machine of the sandbox was lost before: the files are as they had been at this time."""
    signal: Optional[str] = None
    """The name of the signal that ended it; null if none did."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ExecuteResult:
        return cls(
            created_at=data["createdAt"],
            duration_ms=data["duration_ms"],
            error=data["error"],
            exit_code=data["exitCode"],
            file_path=data["file_path"],
            id=data["id"],
            ok=data["ok"],
            output=data["output"],
            restored_from=data.get("restoredFrom"),
            signal=data["signal"],
            status=data["status"],
            stderr=data["stderr"],
            stdout=data["stdout"],
            timestamp=data["timestamp"],
            truncated=Truncated._read(data["truncated"]),
            usage=ExecUsage._read(data["usage"]),
        )


@dataclass(frozen=True)
class SandboxExecution:
    """An execution that has ended."""

    command: str
    """The command."""
    duration_ms: float
    """Wall-clock time in milliseconds."""
    error: str
    """The first 4 KiB of standard error."""
    exit_code: int
    """The exit code."""
    id: str
    """The id of the execution."""
    output: str
    """The first 4 KiB of standard output."""
    status: ExecStatus
    """What ended it."""
    timestamp: str
    """When it was started."""
    file_path: Optional[str] = None
    """The file that ran; null for a command."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SandboxExecution:
        return cls(
            command=data["command"],
            duration_ms=data["duration_ms"],
            error=data["error"],
            exit_code=data["exit_code"],
            file_path=data["file_path"],
            id=data["id"],
            output=data["output"],
            status=data["status"],
            timestamp=data["timestamp"],
        )


@dataclass(frozen=True)
class SandboxExecutionPage:
    """A page of the executions of a sandbox, the newest first. The last 1,000 are kept."""

    executions: List[SandboxExecution]
    """The executions."""
    next_cursor: Optional[str] = None
    """The `cursor` of the next page; null on the last one."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SandboxExecutionPage:
        return cls(
            executions=[SandboxExecution._read(one) for one in data["executions"]],
            next_cursor=data["next_cursor"],
        )


@dataclass(frozen=True)
class SandboxFile:
    """A file, a directory or a link."""

    mode: str
    """The permission bits in octal digits, such as `0644`."""
    modified_at: str
    """When its content last changed."""
    name: str
    """The last part of the path."""
    path: str
    """The absolute path. Bytes that are not UTF-8 become U+FFFD."""
    size: int
    """Its size in bytes."""
    type: FileType
    """What it is."""
    path64: Optional[str] = None
    """The bytes of the path in base64, if it is not UTF-8."""
    target: Optional[str] = None
    """Where a link points to."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SandboxFile:
        return cls(
            mode=data["mode"],
            modified_at=data["modifiedAt"],
            name=data["name"],
            path=data["path"],
            path64=data.get("path64"),
            size=data["size"],
            target=data.get("target"),
            type=data["type"],
        )


@dataclass(frozen=True)
class FileListing:
    """A file, or a directory with what is in it."""

    entry: SandboxFile
    """What the path is."""
    entries: Optional[List[SandboxFile]] = None
    """With a directory: what is in it, by name."""
    more: Optional[bool] = None
    """With a directory: whether there are more entries than are listed."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> FileListing:
        return cls(
            entries=None if (entries := data.get("entries")) is None else [SandboxFile._read(one) for one in entries],
            entry=SandboxFile._read(data["entry"]),
            more=data.get("more"),
        )


@dataclass(frozen=True)
class Process:
    """A process in the background."""

    command: str
    """The command; the words of `argv` with spaces between them."""
    cwd: str
    """Where it was started."""
    dropped_bytes: int
    """How many of these were dropped: the latest 2 MiB are kept."""
    id: str
    """The id of the process."""
    log_bytes: int
    """Bytes that it has written to both streams."""
    pid: int
    """Its process id in the sandbox."""
    started_at: str
    """When it was started."""
    status: ProcessStatus
    """What it does."""
    stdin: bool
    """Whether its standard input is open."""
    timed_out: bool
    """Whether its time limit ended it."""
    ended_at: Optional[str] = None
    """When it ended; null while it runs."""
    exit_code: Optional[int] = None
    """As a shell has it: 128 and the number of a signal; 124 after the time limit; null while it runs."""
    name: Optional[str] = None
    """The name that it was started with."""
    signal: Optional[str] = None
    """The name of the signal that ended it; null if none did."""
    usage: Optional[ExecUsage] = None
    """What it has used; null while it runs."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Process:
        return cls(
            command=data["command"],
            cwd=data["cwd"],
            dropped_bytes=data["droppedBytes"],
            ended_at=data["endedAt"],
            exit_code=data["exitCode"],
            id=data["id"],
            log_bytes=data["logBytes"],
            name=data["name"],
            pid=data["pid"],
            signal=data["signal"],
            started_at=data["startedAt"],
            status=data["status"],
            stdin=data["stdin"],
            timed_out=data["timedOut"],
            usage=None if (usage := data["usage"]) is None else ExecUsage._read(usage),
        )


@dataclass(frozen=True)
class ProcessList:
    """The processes of a sandbox, in the order of their starts. The 64 that ended last are kept."""

    processes: List[Process]
    """The processes."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ProcessList:
        return cls(
            processes=[Process._read(one) for one in data["processes"]],
        )


@dataclass(frozen=True)
class ProcessLogs:
    """The output of a process as far as it is kept."""

    dropped_bytes: int
    """Bytes that are missing here because they were dropped."""
    position: int
    """The position after the last byte, for `after` of the next call."""
    process: Process
    """The process as it is now."""
    stderr: str
    """What it wrote to standard error."""
    stdout: str
    """What it wrote to standard output. Bytes that are not UTF-8 become U+FFFD."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ProcessLogs:
        return cls(
            dropped_bytes=data["droppedBytes"],
            position=data["position"],
            process=Process._read(data["process"]),
            stderr=data["stderr"],
            stdout=data["stdout"],
        )


@dataclass(frozen=True)
class WaitResult:
    """The result of waiting."""

    outcome: WaitOutcome
    """What came of it."""
    groups: Optional[List[str]] = None
    """What the groups of `regex` have matched, from the first on; null for one that took no part."""
    line: Optional[str] = None
    """The whole line."""
    process: Optional[Process] = None
    """The process as it is now; null if the machine was lost."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> WaitResult:
        return cls(
            groups=data.get("groups"),
            line=data.get("line"),
            outcome=data["outcome"],
            process=None if (process := data["process"]) is None else Process._read(process),
        )


@dataclass(frozen=True)
class SandboxSession:
    """A session."""

    created_at: str
    """When it was made."""
    cwd: str
    """Where its shell starts."""
    env_names: List[str]
    """The names of its variables."""
    id: str
    """Its id."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SandboxSession:
        return cls(
            created_at=data["created_at"],
            cwd=data["cwd"],
            env_names=data["env_names"],
            id=data["id"],
        )


@dataclass(frozen=True)
class SessionList:
    """The sessions of a sandbox, in the order of their ids."""

    sessions: List[SandboxSession]
    """The sessions."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SessionList:
        return cls(
            sessions=[SandboxSession._read(one) for one in data["sessions"]],
        )


@dataclass(frozen=True)
class ExposedPort:
    """A port that is exposed."""

    created_at: str
    """When it was exposed."""
    host_header: HostHeader
    """What the program reads in its header `Host`."""
    port: int
    """The port."""
    public: bool
    """Whether the URL has no token."""
    url: str
    """Where what listens on it is reached. Who has the URL can use it."""
    name: Optional[str] = None
    """Its name; `null` without one."""
    token: Optional[str] = None
    """The token in the URL; `null` if it is public."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ExposedPort:
        return cls(
            created_at=data["createdAt"],
            host_header=data["hostHeader"],
            name=data["name"],
            port=data["port"],
            public=data["public"],
            token=data["token"],
            url=data["url"],
        )


@dataclass(frozen=True)
class PortList:
    """The ports that a sandbox exposes, in their order."""

    ports: List[ExposedPort]
    """The ports."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> PortList:
        return cls(
            ports=[ExposedPort._read(one) for one in data["ports"]],
        )


@dataclass(frozen=True)
class CodeContext:
    """An interpreter of a sandbox that keeps what one cell has made for the next."""

    cwd: str
    """Where it was started."""
    execution_count: int
    """Cells that its interpreter has run."""
    id: str
    """The id of the context: `ctx_…`, or `default-` and the language."""
    language: str
    """Its language."""
    running: bool
    """Whether a cell runs."""
    start_ms: float
    """What the start of its interpreter took, in milliseconds."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CodeContext:
        return cls(
            cwd=data["cwd"],
            execution_count=data["executionCount"],
            id=data["id"],
            language=data["language"],
            running=data["running"],
            start_ms=data["startMs"],
        )


@dataclass(frozen=True)
class ContextList:
    """The contexts of a sandbox, the oldest first."""

    contexts: List[CodeContext]
    """Its contexts; none while it sleeps."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> ContextList:
        return cls(
            contexts=[CodeContext._read(one) for one in data["contexts"]],
        )


@dataclass(frozen=True)
class CodeError:
    """What a cell failed with."""

    message: str
    """Its message."""
    name: str
    """The class of the exception; or `Timeout`, `OutOfMemory`, `ContextExited`, `Interrupted` or `ContextDeleted`; `ExitCode` where the last command of a cell of Bash has failed."""
    traceback: List[str]
    """Its lines, as the language prints them."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CodeError:
        return cls(
            message=data["message"],
            name=data["name"],
            traceback=data["traceback"],
        )


@dataclass(frozen=True)
class CodeResult(Formats):
    """Something that a cell shows, in all the formats that it has."""

    main: bool
    """Whether it is the value of the last expression. Others were shown by the code."""
    chart: Any = None
    """The data of a chart: `type` is `line`, `scatter`, `bar`, `pie`, `box` or `subplots`."""
    extra: Optional[Dict[str, Any]] = None
    """Other MIME types with their content."""
    html: Optional[str] = None
    """`text/html`."""
    javascript: Optional[str] = None
    """`application/javascript`."""
    jpeg: Optional[str] = None
    """`image/jpeg` in base64."""
    json: Any = None
    """`application/json`: the value itself."""
    latex: Optional[str] = None
    """`text/latex`."""
    markdown: Optional[str] = None
    """`text/markdown`."""
    pdf: Optional[str] = None
    """`application/pdf` in base64."""
    png: Optional[str] = None
    """`image/png` in base64."""
    svg: Optional[str] = None
    """`image/svg+xml`."""
    text: Optional[str] = None
    """`text/plain`: how the language writes it."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CodeResult:
        return cls(
            chart=data.get("chart"),
            extra=data.get("extra"),
            html=data.get("html"),
            javascript=data.get("javascript"),
            jpeg=data.get("jpeg"),
            json=data.get("json"),
            latex=data.get("latex"),
            main=data["main"],
            markdown=data.get("markdown"),
            pdf=data.get("pdf"),
            png=data.get("png"),
            svg=data.get("svg"),
            text=data.get("text"),
        )


@dataclass(frozen=True)
class CodeTruncated:
    """What of a cell was cut."""

    results: bool
    """Whether results were left out, because there were more than 1,000 of them or more than 16 MiB."""
    stderr: bool
    """Whether standard error was cut."""
    stdout: bool
    """Whether standard output was cut."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CodeTruncated:
        return cls(
            results=data["results"],
            stderr=data["stderr"],
            stdout=data["stdout"],
        )


@dataclass(frozen=True)
class CodeExecution:
    """How a cell ended."""

    context_id: str
    """The context that has run it; `fresh` where an interpreter was started for this cell alone."""
    context_lost: bool
    """Whether what the context held is gone: the next cell runs in a new, empty interpreter."""
    duration_ms: float
    """Wall-clock time in milliseconds, without the time that it waited for other cells."""
    execution_count: int
    """The number of the cell since its interpreter was started, from 1 on."""
    id: str
    """The id of the execution."""
    results: List[CodeResult]
    """What it has shown, in its order."""
    status: ExecStatus
    """`success`, or what ended it: `error` after an exception, or because the interpreter has ended."""
    stderr: str
    """What it wrote to standard error."""
    stdout: str
    """What it wrote to standard output, with what its children wrote. Bytes that are not UTF-8 become U+FFFD."""
    success: bool
    """Whether it ended without an error."""
    timed_out: bool
    """Whether the time limit ended it."""
    timestamp: str
    """When the call came."""
    truncated: CodeTruncated
    """What was cut."""
    usage: ExecUsage
    """What it has used."""
    error: Optional[CodeError] = None
    """What it failed with; null if it did not fail."""
    restored_from: Optional[str] = None
    """If the machine of the sandbox was lost before this cell: the files are as they had been at this time."""
    start_ms: Optional[float] = None
    """What the start of the interpreter took, in milliseconds, if this is its first cell."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> CodeExecution:
        return cls(
            context_id=data["contextId"],
            context_lost=data["contextLost"],
            duration_ms=data["durationMs"],
            error=None if (error := data["error"]) is None else CodeError._read(error),
            execution_count=data["executionCount"],
            id=data["id"],
            restored_from=data.get("restoredFrom"),
            results=[CodeResult._read(one) for one in data["results"]],
            start_ms=data.get("startMs"),
            status=data["status"],
            stderr=data["stderr"],
            stdout=data["stdout"],
            success=data["success"],
            timed_out=data["timedOut"],
            timestamp=data["timestamp"],
            truncated=CodeTruncated._read(data["truncated"]),
            usage=ExecUsage._read(data["usage"]),
        )


@dataclass(frozen=True)
class Snapshot:
    """A snapshot."""

    bytes: int
    """Bytes of all files in it. What it has in common with other snapshots is stored once."""
    created_at: str
    """When it was made."""
    entries: int
    """Files, directories and links in it."""
    id: str
    """The id of the snapshot."""
    sandbox_id: str
    """The sandbox that it is of."""
    saved_at: str
    """When its files were saved, which is earlier if the sandbox was asleep."""
    name: Optional[str] = None
    """The name; null if it has none."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> Snapshot:
        return cls(
            bytes=data["bytes"],
            created_at=data["created_at"],
            entries=data["entries"],
            id=data["id"],
            name=data["name"],
            sandbox_id=data["sandbox_id"],
            saved_at=data["saved_at"],
        )


@dataclass(frozen=True)
class SnapshotPage:
    """A page of a sandbox's snapshots, the newest first."""

    snapshots: List[Snapshot]
    """The snapshots."""
    next_cursor: Optional[str] = None
    """The `cursor` of the next page; null on the last one."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SnapshotPage:
        return cls(
            next_cursor=data["next_cursor"],
            snapshots=[Snapshot._read(one) for one in data["snapshots"]],
        )


@dataclass(frozen=True)
class FileState:
    """What is at a path."""

    mode: str
    """The permission bits in octal."""
    size: int
    """Bytes of a file."""
    type: FileType
    """Its kind."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> FileState:
        return cls(
            mode=data["mode"],
            size=data["size"],
            type=data["type"],
        )


@dataclass(frozen=True)
class SnapshotChange:
    """A path that differs."""

    change: ChangeKind
    """What happened to it."""
    path: str
    """The absolute path, with replacement characters for bytes that are no text."""
    after: Optional[FileState] = None
    """What it is; null if it is gone."""
    before: Optional[FileState] = None
    """What it was; null if it was not there."""
    binary: Optional[bool] = None
    """Whether a file before or after is no text."""
    diff: Optional[str] = None
    """The lines that differ, as a unified diff. Absent for what is no text, for files of more than 256 KiB, and when the diffs before it have taken the room that one answer has."""
    path64: Optional[str] = None
    """The bytes of the path in base64, if it is not UTF-8."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SnapshotChange:
        return cls(
            after=None if (after := data["after"]) is None else FileState._read(after),
            before=None if (before := data["before"]) is None else FileState._read(before),
            binary=data.get("binary"),
            change=data["change"],
            diff=data.get("diff"),
            path=data["path"],
            path64=data.get("path64"),
        )


@dataclass(frozen=True)
class SnapshotDiff:
    """What differs between two states of a sandbox."""

    changes: List[SnapshotChange]
    """What differs, by path."""
    from_: str
    """The snapshot with the state before."""
    more: bool
    """Whether there are more."""
    to: Optional[str] = None
    """The snapshot with the state after; null for the files as they are now."""

    @classmethod
    def _read(cls, data: Dict[str, Any]) -> SnapshotDiff:
        return cls(
            changes=[SnapshotChange._read(one) for one in data["changes"]],
            from_=data["from"],
            more=data["more"],
            to=data["to"],
        )
