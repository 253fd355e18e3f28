"""The loop of the kernel: one cell after another, in one namespace."""

import _ast
import builtins
import linecache
import resource
import types

# The modules above are part of every start, so they are the smallest that do. What is not needed for every cell is imported where
# it is used.
cells = _queue.SimpleQueue()
# Of code objects that must be awaited: `inspect.CO_COROUTINE`.
IS_COROUTINE = 0x80
state = {"is_running": False, "count": 0}

main_module = types.ModuleType("__main__")
main_module.__builtins__ = builtins
sys.modules["__main__"] = main_module
namespace = main_module.__dict__
namespace.update(display=display, get_ipython=get_ipython, __shell_lines=shell_lines)
namespace["_"] = None
sys.argv = [""]


class _Loop:
    """The loop that cells with await share. It is made when the first one comes."""

    loop = None

    @classmethod
    def get(cls):
        import asyncio

        if cls.loop is None or cls.loop.is_closed():
            cls.loop = asyncio.new_event_loop()
        return cls.loop


def on_sigint(number, frame):
    if state["is_running"] and channel.is_sending:
        channel.is_interrupted = True
    elif state["is_running"]:
        raise KeyboardInterrupt


def interrupt():
    """As Ctrl-C does it: also for what the cell waits for."""
    if state["is_running"]:
        os.killpg(0, signal.SIGINT)


def compiled(code, name):
    """What a cell executes, and the expression at its end."""
    flags = _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile(code, name, "exec", flags | _ast.PyCF_ONLY_AST)
    except SyntaxError:
        translated = translate(code)
        if translated == code:
            raise
        tree = compile(translated, name, "exec", flags | _ast.PyCF_ONLY_AST)
        code = translated
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    last = None
    if tree.body and isinstance(tree.body[-1], _ast.Expr) and not code.rstrip().endswith(";"):
        last = _ast.Expression(tree.body.pop().value)
    body = compile(tree, name, "exec", flags) if tree.body else None
    return body, compile(last, name, "eval", flags) if last else None


def evaluate(code):
    """Executes code of a cell. Code with await runs on the loop."""
    if not code.co_flags & IS_COROUTINE:
        return eval(code, namespace)
    loop = _Loop.get()
    task = loop.create_task(eval(code, namespace))
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        import asyncio

        task.cancel()
        loop.run_until_complete(asyncio.wait([task], timeout=0.2))
        # Without the lines of the loop.
        raise KeyboardInterrupt from None


def execute(code, name):
    body, last = compiled(code, name)
    if body is not None:
        evaluate(body)
    if last is not None:
        value = evaluate(last)
        if value is not None:
            builtins._ = namespace["_"] = value
            publish(bundle_of(value), main=True)
            if is_figure(value):
                close_figure(value)
    show_open_figures()


def report(error):
    """An error with the lines of its author: without those of the kernel."""
    kind = type(error)
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == "<kernel>":
        frames = frames.tb_next
    try:
        message = cut(str(error), 10_000)
    except Exception:
        message = ""
    try:
        import traceback

        lines = traceback.TracebackException(kind, error, frames, compact=True).format()
        lines = [line for text in lines for line in text.rstrip("\n").split("\n")]
        lines = [line for line in lines if 'File "<kernel>"' not in line]
    except Exception as failed:
        lines = [f"{kind.__name__}: {message} (its traceback cannot be shown: {type(failed).__name__})"]
    if len(lines) > 200:
        lines = lines[:100] + ["…"] + lines[-99:]
    channel.send(in_order=True, type="error", name=kind.__name__, message=message, traceback=[cut(line, 2_000) for line in lines])


def usage():
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return seconds * 1000, own.ru_maxrss / 1024


def run(message):
    connect_streams()
    signal.signal(signal.SIGINT, on_sigint)
    state["count"] += 1
    name = f"<cell {state['count']}>"
    cpu_before, _ = usage()
    before = {}
    for variable, value in (message.get("env") or {}).items():
        before[variable] = os.environ.get(variable)
        os.environ[variable] = value
    try:
        try:
            state["is_running"] = True
            execute(message["code"], name)
        finally:
            state["is_running"] = channel.is_interrupted = False
    except SystemExit as error:
        report(error)
    except BaseException as error:
        report(error)
    if not channel.is_own():
        # A fork of the kernel that has come to the end of the cell.
        os._exit(0)
    for variable, value in before.items():
        os.environ.pop(variable, None) if value is None else os.environ.__setitem__(variable, value)
    linecache_limit()
    cpu, peak = usage()
    channel.send(type="done", count=state["count"], cpuMs=cpu - cpu_before, memMB=peak)


def linecache_limit():
    """The sources of the last cells are kept for their tracebacks."""
    linecache.cache.pop(f"<cell {state['count'] - 1000}>", None)


def serve():
    signal.signal(signal.SIGINT, on_sigint)
    connect_streams()
    reader = threading.Thread(target=channel.receive, args=(cells.put, interrupt), name="channel", daemon=True)
    reader.start()
    channel.send(type="ready")
    while True:
        message = cells.get()
        try:
            run(message)
        except KeyboardInterrupt:
            # An interrupt that came in the last moment of its cell.
            cpu, peak = usage()
            channel.send(type="done", count=state["count"], cpuMs=0, memMB=peak)


serve()
