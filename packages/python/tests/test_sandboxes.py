"""Sandboxes of the client against the real service."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import AsyncIterator, Iterator, List
from urllib.parse import urlsplit

import pytest
from server import Request, Serve

from docle import AsyncDocle, AsyncSandbox, Docle, DocleAPIError, DocleConnectionError, DocleError, Sandbox


@pytest.fixture
def sandbox(docle: Docle) -> Iterator[Sandbox]:
    with docle.sandboxes.temporary(name="From Python") as made:
        yield made


def test_a_sandbox_is_made_found_changed_listed_and_deleted(docle: Docle) -> None:
    made = docle.sandboxes.create(key="python", name="Kept", env={"my_case": "kept"}, runtime_config={"memory_mb": 256, "network": "none"})
    assert docle.sandboxes.create(key="python").id == made.id
    found = docle.sandboxes.get("key:python")
    assert (found.info.name, found.info.env_names, found.info.runtime_config.get("memory_mb")) == ("Kept", ["my_case"], 256)
    assert found.exec("echo $my_case").stdout == "kept\n"
    assert found.change(name="Renamed", runtime_config={"sleep_after": 60}).name == "Renamed"
    other = docle.sandboxes.create()
    assert [one.id for one in docle.sandboxes.list(page_size=1)][:2] == [other.id, made.id]
    docle.sandboxes.delete(other.id)
    assert found.sleep().status == "sleeping"
    assert found.refresh().saved_at is not None
    assert found.wake().status == "running"
    found.delete()
    with pytest.raises(DocleAPIError) as refused:
        docle.sandboxes.get("key:python")
    assert (refused.value.status, refused.value.code) == (404, "sandbox_not_found")


def test_a_temporary_sandbox_is_deleted_at_the_end_of_its_with_also_after_an_error(docle: Docle) -> None:
    with pytest.raises(ZeroDivisionError), docle.sandboxes.temporary(language="node") as sandbox:
        assert sandbox.info.language == "node"
        raise ZeroDivisionError
    with pytest.raises(DocleAPIError, match="sandbox"):
        sandbox.refresh()


def test_commands_have_the_results_of_a_shell(sandbox: Sandbox) -> None:
    failed = sandbox.exec("echo out; echo err >&2; exit 3")
    assert (failed.stdout, failed.stderr, failed.exit_code, failed.success, failed.status) == ("out\n", "err\n", 3, False, "error")
    for printed in (sandbox.exec(["printf", "%s|", "a b", "$c"]), sandbox.exec("printf", ["%s|", "a b", "$c"])):
        assert printed.stdout == "a b|$c|"
    assert sandbox.exec("cat; pwd; echo $A", stdin="in\n", cwd="/tmp", env={"A": "1"}).stdout == "in\n/tmp\n1\n"
    assert sandbox.exec("seq 1000", max_output_bytes=1024).truncated.stdout
    late = sandbox.exec("echo begun; sleep 60", timeout_ms=500)
    assert (late.exit_code, late.timed_out, late.stdout) == (124, True, "begun\n")
    with pytest.raises(DocleAPIError) as refused:
        sandbox.exec("true", timeout_ms=1)
    assert [one.field for one in refused.value.fields] == ["timeoutMs"]


def test_output_of_a_command_comes_as_it_is_written(sandbox: Sandbox) -> None:
    sandbox.exec("mkfifo gate")
    command = "echo one; read x < gate; echo $x >&2"
    with sandbox.stream(command) as events:
        with pytest.raises(DocleError, match="not ended"):
            events.result
        told = {"stdout": "", "stderr": ""}
        for event in events:
            if event.type == "start":
                assert (event.command, event.pid > 0) == (command, True)
            if event.type == "stdout" or event.type == "stderr":
                told[event.type] += event.data
                if told["stdout"] == "one\n" and told["stderr"] == "":
                    sandbox.exec("echo two > gate")
    assert told == {"stdout": "one\n", "stderr": "two\n"}
    assert (events.result.exit_code, events.result.stdout, events.result.stderr) == (0, "one\n", "two\n")


def test_leaving_the_events_of_a_command_ends_it(sandbox: Sandbox) -> None:
    with sandbox.stream("sleep 60 & echo $! > pid; echo here; wait") as events:
        assert next(event for event in events if event.type == "stdout")
    assert sandbox.exec("timeout 20 tail --pid=$(cat pid) -f /dev/null").exit_code == 0


def test_a_session_keeps_its_directory_and_variables(sandbox: Sandbox) -> None:
    assert sandbox.sessions.create("build", cwd="/tmp", env={"A": "1"}).env_names == ["A"]
    sandbox.exec("cd /; B=2", session="build")
    kept = sandbox.exec("pwd; echo $A $B", session="build")
    assert kept.stdout == "/\n1 2\n"
    assert kept.session is not None and (kept.session.id, kept.session.ended) == ("build", False)
    assert [one.id for one in sandbox.sessions.list()] == ["build"]
    sandbox.sessions.delete("build")
    assert sandbox.sessions.list() == []


def test_files_are_written_read_moved_and_deleted(sandbox: Sandbox) -> None:
    files = sandbox.files
    assert files.write("src/ä b.txt", "é\n").path == "/workspace/src/ä b.txt"
    assert files.read_text("src/ä b.txt") == "é\n"
    assert files.write("bytes", bytes(range(256))).size == 256
    assert files.read("bytes") == bytes(range(256))
    files.write("large", (b"x" * 65_536 for _ in range(64)))
    assert sum(len(piece) for piece in files.stream("large")) == 4 << 20
    assert files.mkdir("a/b", recursive=True).type == "directory"
    assert files.copy("bytes", "a/b/copy").size == 256
    assert files.move("a/b/copy", "a/moved").name == "moved"
    assert files.chmod("a/moved", "755").mode == "0755"
    assert files.stat("a/moved").type == "file"
    assert [one.name for one in files.list().entries or []] == ["a", "bytes", "large", "src"]
    assert "moved" in [one.name for one in files.list("a", recursive=True).entries or []]
    files.write(".hidden", "")
    assert ".hidden" not in [one.name for one in files.list(hidden=False).entries or []]
    with pytest.raises(DocleAPIError) as refused:
        files.delete("a")
    assert refused.value.code == "directory_not_empty"
    files.delete("a", recursive=True)
    with pytest.raises(DocleAPIError) as missing:
        files.read("a/moved")
    assert missing.value.code == "file_not_found"
    with pytest.raises(DocleAPIError) as exists:
        files.move("bytes", "large", overwrite=False)
    assert exists.value.code == "file_exists"


def test_a_file_is_run_in_the_language_of_its_ending(sandbox: Sandbox) -> None:
    sandbox.files.write("main.py", "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(4)")
    result = sandbox.execute("main.py", args=["a"], stdin="in", timeout=20)
    assert (result.output, result.exit_code, result.ok) == ("['a'] in\n", 4, False)
    assert result.created_at and result.duration_ms > 0
    assert [one.command for one in sandbox.executions(limit=10).executions] == ["python3 main.py a"]


def test_processes_are_started_followed_waited_for_and_ended(sandbox: Sandbox) -> None:
    processes = sandbox.processes
    cat = processes.start("while read line; do echo got $line; done; exit 3", name="cat", stdin=True)
    assert [one.name for one in processes.list(status="running")] == ["cat"]
    processes.write(cat.id, "one\n")
    waited = processes.wait(cat.pid, log="got")
    assert (waited.outcome, waited.line) == ("line", "got one")
    text = ""
    for event in processes.follow(cat.id):
        if event.type == "stdout":
            text += event.data
            if text == "got one\n":
                processes.write(cat.id, "two\n", close=True)
        if event.type == "exit":
            assert (event.process.status, event.process.exit_code) == ("exited", 3)
    assert text == "got one\ngot two\n"
    assert processes.logs(cat.id, after=8).stdout == "got two\n"
    assert [event.type for event in processes.follow(cat.id, after=16)] == ["exit"]
    sleeper = processes.start(["sleep", "300"])
    assert processes.signal(sleeper.id, "SIGCONT").status == "running"
    assert processes.kill(sleeper.id, forget=True).signal == "SIGTERM"
    with pytest.raises(DocleAPIError) as forgotten:
        processes.get(sleeper.id)
    assert forgotten.value.code == "process_not_found"
    processes.start("sleep 300")
    assert [one.status for one in processes.kill_all() if one.command == "sleep 300"] == ["killed"]


def test_a_followed_process_whose_connection_breaks_is_taken_up_where_it_was(sandbox: Sandbox, serve: Serve) -> None:
    process = {"id": "p", "name": None, "pid": 1, "command": "c", "cwd": "/", "status": "exited", "exitCode": 0, "signal": None, "timedOut": False, "stdin": False}
    ended = json.dumps({"type": "exit", "process": {**process, "startedAt": "t", "endedAt": "t", "logBytes": 4, "droppedBytes": 0, "usage": None}})
    paths: List[str] = []

    def handle(request: Request) -> None:
        paths.append(request.path)
        if len(paths) == 1:
            # The connection ends within an event.
            text = 'id: 2\ndata: {"type":"stdout","data":"a\\n","timestamp":"t"}\n\nid: 4\ndata: {"type":"std'
            request.answer(200, text, content_type="text/event-stream")
        else:
            request.answer(200, f'id: 4\ndata: {{"type":"stdout","data":"b\\n","timestamp":"t"}}\n\nid: 4\ndata: {ended}\n\n', content_type="text/event-stream")

    with Docle(base_url=serve(handle)) as broken:
        text = "".join(event.data for event in Sandbox(broken, sandbox.info).processes.follow("p") if event.type == "stdout")
    assert text == "a\nb\n"
    assert [path.partition("after=")[2] for path in paths] == ["0", "2"]
    with Docle(base_url=serve(lambda request: request.answer(200, "", content_type="text/event-stream")), retries=0) as silent:
        with pytest.raises(DocleConnectionError):
            list(Sandbox(silent, sandbox.info).processes.follow("p"))
        with pytest.raises(DocleConnectionError), Sandbox(silent, sandbox.info).stream("true") as events:
            list(events)


def test_a_lost_machine_ends_the_events_of_a_command_with_its_code(sandbox: Sandbox, serve: Serve) -> None:
    text = 'data: {"type":"error","code":"sandbox_interrupted","message":"The machine was lost.","timestamp":"t"}\n\n'
    with Docle(base_url=serve(lambda request: request.answer(200, text, content_type="text/event-stream"))) as broken:
        with pytest.raises(DocleAPIError, match="lost") as lost, Sandbox(broken, sandbox.info).stream("true") as events:
            list(events)
    assert lost.value.code == "sandbox_interrupted"


def test_a_port_has_a_url(sandbox: Sandbox) -> None:
    exposed = sandbox.ports.expose(8000, name="web", host_header="localhost")
    server = sandbox.processes.start("echo served > file; python3 -m http.server 8000")
    assert sandbox.processes.wait(server.id, port=8000, timeout_ms=20_000).outcome == "listening"

    def visit(url: str) -> "tuple[int, bytes]":
        address = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", address.port or 80)
        connection.request("GET", "/file", headers={"host": address.netloc})
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert visit(exposed.url) == (200, b"served\n")
    rotated = sandbox.ports.rotate(8000)
    assert (visit(exposed.url)[0], visit(rotated.url)[0]) == (404, 200)
    assert (sandbox.ports.list(), sandbox.ports.get(8000).name) == ([rotated], "web")
    sandbox.ports.unexpose(8000)
    assert sandbox.ports.list() == []


def test_snapshots_are_compared_restored_and_branched(sandbox: Sandbox) -> None:
    sandbox.files.write("a", "before")
    snapshot = sandbox.snapshots.create("before")
    sandbox.files.write("a", "changed\n")
    sandbox.files.write("b", "added")
    diff = sandbox.snapshots.diff(snapshot.id)
    assert diff.from_ == snapshot.id
    assert [(one.path, one.change) for one in diff.changes] == [("/workspace/a", "changed"), ("/workspace/b", "added")]
    assert diff.changes[0].before is not None and diff.changes[0].before.size == 6
    second = sandbox.snapshots.create()
    assert [one.path for one in sandbox.snapshots.diff(snapshot.id, to=second.id).changes] == ["/workspace/a", "/workspace/b"]
    branch = sandbox.branch(name="Branch", snapshot=snapshot.id)
    assert (branch.info.name, branch.files.read_text("a")) == ("Branch", "before")
    branch.delete()
    sandbox.snapshots.restore(snapshot.id, ["a"])
    assert (sandbox.files.read_text("a"), sandbox.files.read_text("b")) == ("before", "added")
    assert sandbox.snapshots.restore(snapshot.id).id == sandbox.id
    assert [one.name for one in sandbox.files.list().entries or []] == ["a"]
    assert [one.id for one in sandbox.snapshots.list(page_size=1)] == [second.id, snapshot.id]
    assert sandbox.snapshots.get(snapshot.id).name == "before"
    sandbox.snapshots.delete(snapshot.id)
    with pytest.raises(DocleAPIError) as deleted:
        sandbox.snapshots.get(snapshot.id)
    assert deleted.value.code == "snapshot_not_found"


async def test_the_same_sandboxes_with_await() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"ab"

    async with AsyncDocle() as docle, docle.sandboxes.temporary() as sandbox:
        assert isinstance(sandbox, AsyncSandbox)
        assert [one.id async for one in docle.sandboxes.list()] == [sandbox.id]
        await sandbox.files.write("file", pieces())
        assert b"".join([piece async for piece in sandbox.files.stream("file")]) == b"ababab"
        results = await asyncio.gather(*(sandbox.exec(f"echo {n}") for n in range(5)))
        assert [one.stdout for one in results] == [f"{n}\n" for n in range(5)]
        async with sandbox.stream("echo a; echo b") as events:
            told = [event.data async for event in events if event.type == "stdout"]
        assert ("".join(told), events.result.success) == ("a\nb\n", True)
        process = await sandbox.processes.start("echo done")
        assert [event.type async for event in sandbox.processes.follow(process.id)][-1] == "exit"
        snapshot = await sandbox.snapshots.create()
        assert [one.id async for one in sandbox.snapshots.list()] == [snapshot.id]
