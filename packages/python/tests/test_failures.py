"""What the client does when the service, or the way to it, fails."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import List, Optional
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import pytest
from server import Request, Serve

from docle import Docle, DocleAPIError, DocleConnectionError, DocleTimeoutError


def pass_on(request: Request, body: bytes) -> "tuple[str, str]":
    """Sends a request on to the service; returns the type and the body of its answer."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection", "accept-encoding")}
    with urlopen(UrlRequest(os.environ["DOCLE_BASE_URL"] + request.path, data=body or None, headers=headers, method=request.command)) as answer:
        return answer.headers["content-type"], answer.read().decode()


def test_a_run_of_which_nothing_came_is_repeated_with_the_same_key_and_obeys_the_pause(serve: Serve) -> None:
    keys: List[Optional[str]] = []
    times: List[float] = []

    def handle(request: Request) -> None:
        keys.append(request.headers.get("idempotency-key"))
        times.append(time.monotonic())
        body = request.body()
        if len(keys) == 1:
            return request.answer(503, retry_after="1")
        if len(keys) == 2:
            return request.vanish()
        request.answer(200, pass_on(request, body)[1])

    with Docle(base_url=serve(handle)) as docle:
        assert docle.run("print(1)", lang="python").stdout == "1\n"
    assert len(keys) == 3 and keys[0] and len(set(keys)) == 1
    assert times[1] - times[0] >= 0.99


def test_what_may_have_been_done_is_not_repeated_and_neither_is_what_was_refused(serve: Serve) -> None:
    calls: List[str] = []

    def handle(request: Request) -> None:
        calls.append(request.path)
        request.body()
        if request.path == "/execute":
            return request.vanish()
        request.answer(400, '{"code":"invalid_request","message":"No."}')

    with Docle(base_url=serve(handle)) as docle:
        with pytest.raises(DocleConnectionError):
            docle.isolates.execute("return 1")
        with pytest.raises(DocleAPIError, match="No"):
            docle.run("", lang="python")
    assert calls == ["/execute", "/api/run"]


def test_a_stream_whose_connection_breaks_goes_on_and_repeats_nothing(serve: Serve) -> None:
    answers: List[str] = []

    def handle(request: Request) -> None:
        kind, text = pass_on(request, request.body())
        answers.append(text)
        events = [part for part in text.split("\n\n") if part]
        if len(answers) > 1:
            return request.answer(200, text, content_type=kind)
        # Everything but the end, and half of the last line before it.
        cut = ("\n\n".join(events[:-1]) + "\n\n" + events[-1][:20]).encode()
        request.send_response(200)
        request.send_header("content-type", kind)
        request.send_header("content-length", str(len(cut) + 100))
        request.end_headers()
        request.wfile.write(cut)
        request.wfile.flush()
        request.connection.shutdown(socket.SHUT_RDWR)
        request.vanish()

    code = "import time\nfor i in range(3):\n  print(i, flush=True)\n  time.sleep(0.02)"
    with Docle(base_url=serve(handle)) as docle, docle.stream(code, lang="python") as events:
        seen = list(events)
    assert len(answers) == 2
    assert [event.type for event in seen].count("start") == 1
    assert "".join(event.data for event in seen if event.type == "stdout") == "0\n1\n2\n"
    assert seen[-1].type == "complete"


def test_a_service_that_is_silent_is_a_timeout(serve: Serve) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, Docle(base_url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2, retries=0) as docle:
        with pytest.raises(DocleTimeoutError):
            docle.health()


def test_a_service_that_is_down_is_a_connection_error_with_its_cause() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with Docle(base_url=address, retries=0) as docle, pytest.raises(DocleConnectionError) as caught:
        docle.health()
    assert caught.value.__cause__ is not None


def test_an_answer_that_is_no_json_is_an_error_with_its_status(serve: Serve) -> None:
    with Docle(base_url=serve(lambda request: request.answer(502, "<html>", content_type="text/html")), retries=0) as docle:
        with pytest.raises(DocleAPIError) as caught:
            docle.health()
    assert (caught.value.status, caught.value.code) == (502, "unknown")


def test_events_that_are_newer_than_the_package_are_left_out(serve: Serve) -> None:
    result = {"id": "r", "ok": True, "status": "success", "exitCode": 0, "signal": None, "stdout": "", "stderr": "", "createdAt": "c"}
    result["truncated"] = {"stdout": False, "stderr": False}
    result["usage"] = {"cpuMs": 1, "memMB": 1, "durationMs": 1, "queueMs": 0, "installMs": 0, "blockedConnections": 0}
    events = [{"type": "start", "id": "r", "createdAt": "c"}, {"type": "future"}, {"type": "complete", **result, "more": 1}]
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    with Docle(base_url=serve(lambda request: request.answer(200, text, content_type="text/event-stream"))) as docle:
        assert [event.type for event in docle.stream("", lang="python")] == ["start", "complete"]
