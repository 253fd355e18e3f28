"""The client against the real service."""

from __future__ import annotations

import asyncio
import base64
import os
from datetime import datetime
from uuid import uuid4

import pytest

from docle import AsyncDocle, Docle, DocleAPIError, InputsRequest, JudgeRequest, PendingRun, Repository, StoredRun


def test_a_program_runs_and_its_result_says_how_it_ended(docle: Docle) -> None:
    result = docle.run("import sys; print(sys.stdin.read(), sys.argv[1]); sys.exit(3)", lang="python", stdin="in", args=["arg"])
    assert (result.stdout, result.ok, result.exit_code, result.status) == ("in arg\n", False, 3, "error")
    assert result.usage.duration_ms > 0
    assert not result.truncated.stdout


def test_options_reach_the_program(docle: Docle) -> None:
    result = docle.run(
        lang="python",
        files={"main.py": "import os; print(os.environ['my_case'], open('b', 'rb').read()); open('out.txt', 'w').write('x')", "b": b"\xff\x00"},
        entrypoint="main.py",
        env={"my_case": "kept"},
        policy={"timeout_ms": 10_000, "memory_mb": 64, "max_output_bytes": 2_000},
        artifacts=["out.txt"],
        artifacts_inline=True,
        user_context={"id": "u", "metadata": {"snake_case": 1}},
    )
    assert result.stdout == "kept b'\\xff\\x00'\n", result.stderr
    (artifact,) = result.artifacts or []
    assert (artifact.name, base64.b64decode(artifact.base64 or "")) == ("out.txt", b"x")
    stored = docle.runs.get(result.id)
    assert isinstance(stored, StoredRun) and stored.stdout == result.stdout


def test_a_program_may_be_in_a_repository(docle: Docle) -> None:
    # The tests have a git server of their own.
    repo: Repository = {"url": os.environ["DOCLE_TEST_REPOSITORY"], "ref": "main", "subdir": "src"}
    result = docle.run(lang="python", repo=repo)
    assert result.stdout == "from git\n", result.stderr
    assert result.repo is not None and len(result.repo.commit or "") == 40
    with docle.stream("import words; print(words.greeting.upper())", lang="python", repo=repo) as events:
        assert "fetch" in [event.type for event in events]
    assert events.result.stdout == "FROM GIT\n"


def test_limits_end_a_program(docle: Docle) -> None:
    result = docle.run("while True: pass", lang="python", policy={"timeout_ms": 300})
    assert (result.status, result.exit_code, result.limit) == ("timeout", 124, "timeoutMs")


def test_what_is_refused_names_the_field(docle: Docle) -> None:
    with pytest.raises(DocleAPIError) as caught:
        docle.run("", lang="python", policy={"timeout_ms": 1})
    error = caught.value
    assert (error.status, error.code) == (400, "invalid_request")
    assert [(one.field, one.message) for one in error.fields] == [("policy.timeoutMs", "must be an integer from 100 to 300000, got 1")]
    assert "policy.timeoutMs" in str(error)
    assert error.request_id


def test_a_wrong_key_says_so_and_is_in_no_message() -> None:
    with Docle("sk_live_wrong") as docle, pytest.raises(DocleAPIError) as caught:
        docle.run("1", lang="python")
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert "sk_live_wrong" not in str(caught.value)


def test_events_come_as_the_program_writes(docle: Docle) -> None:
    code = "import sys\nfor i in range(3): print(i, chr(0x2028), 'é', flush=True)\nprint('e', file=sys.stderr)"
    with docle.stream(code, lang="python") as events:
        seen = list(events)
    assert [seen[0].type, seen[-1].type] == ["start", "complete"]
    told = {kind: "".join(event.data for event in seen if event.type == kind) for kind in ("stdout", "stderr")}
    assert told == {"stdout": events.result.stdout, "stderr": "e\n"}
    assert events.result.stdout == "".join(f"{i} \u2028 é\n" for i in range(3))


def test_leaving_a_stream_ends_its_run(docle: Docle) -> None:
    with docle.stream("import time\nprint('here', flush=True)\ntime.sleep(60)", lang="python", policy={"timeout_ms": 90_000}) as events:
        run = ""
        for event in events:
            if event.type == "start":
                run = event.id
            if event.type == "stdout":
                break
    assert docle.runs.wait(run).status == "cancelled"


def test_runs_that_have_not_ended_are_listed(docle: Docle) -> None:
    user = f"pending-{uuid4()}"
    run = docle.runs.start("import time\ntime.sleep(60)", lang="python", policy={"timeout_ms": 90_000}, user_context={"id": user})
    assert [(listed.id, listed.language) for listed in docle.runs.pending(user=user)] == [(run.id, "python")]
    assert docle.runs.pending(user=user, language="node") == []
    docle.runs.cancel(run.id)
    assert docle.runs.pending(user=user) == []


async def test_a_task_that_is_cancelled_ends_its_run() -> None:
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def follow(docle: AsyncDocle) -> None:
        async with docle.stream("import time\nprint(1, flush=True)\ntime.sleep(60)", lang="python", policy={"timeout_ms": 90_000}) as events:
            run = ""
            async for event in events:
                if event.type == "start":
                    run = event.id
                if event.type == "stdout":
                    started.set_result(run)

    async with AsyncDocle() as docle:
        task = asyncio.create_task(follow(docle))
        run = await started
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await docle.runs.cancel(run)).status == "cancelled"


async def test_the_same_with_await() -> None:
    async with AsyncDocle() as docle:
        results = await asyncio.gather(*(docle.run(f"print({n})", lang="python") for n in range(5)))
        assert [result.stdout for result in results] == [f"{n}\n" for n in range(5)]
        async with docle.stream("print(1)", lang="python") as events:
            kinds = [event.type async for event in events]
        # Python writes a line and its end in separate pieces, which may be two events.
        assert list(dict.fromkeys(kinds)) == ["start", "stdout", "complete"]


def test_isolates_tokens_rooms_and_languages(docle: Docle) -> None:
    script = docle.isolates.execute("return { sum: context.a_b + 1 }", context={"a_b": 1})
    assert (script.ok, script.result) == (True, {"sum": 2})
    assert docle.isolates.validate("return (").errors[0].rule == "syntax"
    token = docle.tokens.create(ttl_seconds=60, limits={"timeout_ms": 1_000})
    with Docle(token.token) as bearer:
        assert bearer.run("print(1)", lang="python").ok
    room = docle.rooms.create(name="a room")
    assert room.id in [one.id for one in docle.rooms.list(limit=10).rooms]
    assert docle.rooms.create_token(room.id, role="viewer").role == "viewer"
    ran = docle.rooms.run(room.id, code="print(2)", language="python")
    assert (ran.success, ran.output) == (True, "2\n")
    docle.rooms.delete(room.id)
    assert "python" in [language.id for language in docle.languages().languages]
    assert docle.health().status == "ok"


def test_a_run_goes_on_without_its_caller(docle: Docle) -> None:
    code = "import time\nfor i in range(3): print(i, flush=True); time.sleep(0.2)"
    user = str(uuid4())
    pending = docle.runs.start(code, lang="python", user_context={"id": user})
    assert isinstance(pending, PendingRun)
    events = docle.runs.follow(pending.id)
    for event in events:
        if event.type == "stdout":
            break
    events.close()
    result = docle.runs.wait(pending.id)
    assert (result.status, result.stdout) == ("success", "0\n1\n2\n")
    listed = list(docle.runs.list(user=user, page_size=1))
    assert [run.id for run in listed] == [pending.id]
    assert list(docle.runs.list(user=user, before=datetime(2020, 1, 1))) == []


def test_every_page_of_a_list_is_read(docle: Docle) -> None:
    user = str(uuid4())
    ids = [docle.run("", lang="python", user_context={"id": user}).id for _ in range(3)]
    for id in ids:
        # A run is listed when its result can be read.
        docle.runs.wait(id)
    assert sorted(run.id for run in docle.runs.list(user=user, page_size=2)) == sorted(ids)


def test_a_batch_gives_all_results_in_the_order_of_the_request(docle: Docle) -> None:
    batch: InputsRequest = {"lang": "python", "code": "print(int(input()) ** 2)", "inputs": [{"stdin": "3"}, {"stdin": "4"}]}
    runs = docle.batch(batch).results
    assert [(run.index, run.result and run.result.stdout) for run in runs] == [(0, "9\n"), (1, "16\n")]
    (failed,) = docle.batch({"runs": [{"lang": "node", "code": "process.exit(3)"}]}).results
    assert failed.result is not None and (failed.result.exit_code, failed.error) == (3, None)
    with pytest.raises(DocleAPIError) as refused:
        docle.batch({"runs": []})
    assert refused.value.fields[0].field == "runs"


async def test_a_judgement_has_a_verdict_on_each_test() -> None:
    judgement: JudgeRequest = {
        "lang": "python",
        "code": "print(int(input()) ** 2)",
        "tests": [{"stdin": "3", "expected": "9", "points": 5, "timeout_ms": 5_000}, {"stdin": "4", "expected": "15"}],
        "stop_on_failure": True,
    }
    async with AsyncDocle() as docle:
        judged = await docle.judge(judgement)
    assert (judged.verdict, judged.points, judged.max_points) == ("wrong_answer", 5, 6)
    (difference,) = [test.difference for test in judged.tests if test.difference is not None]
    assert (difference.line, difference.column, difference.expected, difference.actual) == (1, 2, "5", "6")
