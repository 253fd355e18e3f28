"""The interpreter of a sandbox against the real service."""

from __future__ import annotations

from typing import Iterator, List

import pytest

from docle import AsyncDocle, CodeError, Docle, DocleAPIError, DocleError, Result, Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Docle() as docle, docle.sandboxes.temporary() as made:
        yield made


def test_a_context_keeps_what_a_cell_has_made(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context("python", cwd="/tmp", env={"A": "1"}, env_vars={"B": "2"})
    first = sandbox.run_code("import os\nx = [1]\nprint('hello')\nx", context=context)
    assert (first.success, first.stdout, first.logs.stdout, first.text) == (True, "hello\n", ["hello\n"], "[1]")
    (result,) = first.results
    assert (result.formats(), result.json, result.main) == (["text", "json"], [1], True)
    second = sandbox.run_code("print(*map(os.environ.get, 'ABC'), os.getcwd()); x", context=context.id, env_vars={"C": "3"})
    assert (second.stdout, second.text, second.execution_count) == ("1 2 3 /tmp\n", "[1]", 2)
    assert context.id in [one.id for one in sandbox.list_code_contexts()]
    assert sandbox.restart_code_context(context).execution_count == 0
    sandbox.interrupt_code_context(context)
    sandbox.delete_code_context(context)
    with pytest.raises(DocleAPIError) as gone:
        sandbox.run_code("x", context=context)
    assert gone.value.code == "context_not_found"


def test_callbacks_are_told_while_a_cell_runs(sandbox: Sandbox) -> None:
    told: List[str] = []
    results: List[Result] = []
    errors: List[CodeError] = []
    execution = sandbox.run_code(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\ndisplay(2)\n1 / 0",
        on_stdout=lambda output: told.append(output.data),
        on_stderr=lambda output: told.append(output.data),
        on_result=results.append,
        on_error=errors.append,
    )
    assert "".join(told) == "out\nerr\n"
    assert [result.text for result in results] == ["2"]
    assert [error.name for error in errors] == ["ZeroDivisionError"]
    assert execution.error == errors[0] and execution.results == results
    assert (execution.success, execution.stdout, execution.stderr, execution.text) == (False, "out\n", "err\n", None)
    assert "".join(execution.logs.stdout) == "out\n"


def test_the_events_of_a_cell_come_in_their_order(sandbox: Sandbox) -> None:
    with sandbox.run_code_stream("console.log(1); ({ a: 1 })", language="javascript") as events:
        with pytest.raises(DocleError, match="not ended"):
            events.execution
        kinds = [event.type for event in events]
    assert list(dict.fromkeys(kinds)) == ["start", "stdout", "result", "complete"]
    assert (events.execution.context_id, events.execution.results[0].json) == ("default-javascript", {"a": 1})


def test_leaving_the_events_of_a_cell_interrupts_it(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context("python")
    with sandbox.run_code_stream("kept = 1\nprint('here', flush=True)\nimport time; time.sleep(250)", context=context) as events:
        assert next(event for event in events if event.type == "stdout")
    assert sandbox.run_code("kept", context=context).text == "1"


def test_a_result_has_every_format_that_its_value_knows(sandbox: Sandbox) -> None:
    code = "class Figure:\n  def _repr_png_(self): return b'\\x89PNG'\n  def _repr_html_(self): return '<b>1</b>'\n  def _repr_mimebundle_(self, **_): return {'application/x-own': 'own'}\nFigure()"
    (result,) = sandbox.run_code(code).results
    assert {"png", "html", "application/x-own"} <= set(result.formats()) and "svg" not in result.formats()
    assert (result.png, result.html, result.extra) == ("iVBORw==", "<b>1</b>", {"application/x-own": "own"})


async def test_the_same_interpreter_with_await_and_callbacks_that_wait() -> None:
    told: List[str] = []

    async def tell(result: Result) -> None:
        told.append(result.text or "")

    async with AsyncDocle() as docle, docle.sandboxes.temporary() as sandbox:
        execution = await sandbox.run_code("x = 6\nx * 7", on_result=tell)
        assert (told, execution.text) == (["42"], "42")
        async with sandbox.run_code_stream("print(x)") as events:
            assert "".join([event.data async for event in events if event.type == "stdout"]) == "6\n"
        assert events.execution.success


def test_a_cell_on_its_own_needs_no_sandbox() -> None:
    with Docle() as docle:
        execution = docle.sandboxes.run_code("x = open('a.txt').read()\nprint('on')\nx", files={"a.txt": "text"}, timeout_ms=20_000)
        assert (execution.stdout, execution.text, execution.context_id) == ("on\n", "'text'", "fresh")
        results: List[Result] = []
        failed = docle.sandboxes.run_code("display(1)\nx", on_result=results.append)
        assert ([result.text for result in results], failed.error and failed.error.name) == (["1"], "NameError")
        with docle.sandboxes.run_code_stream("console.log(1); [2]", language="javascript") as events:
            kinds = [event.type for event in events]
        assert (kinds, events.execution.success) == (["start", "stdout", "result", "complete"], True)
