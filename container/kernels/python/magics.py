"""Lines that are no Python: !command, and the magics that are asked for most. A cell that is Python is left as it is."""

import time


def run_shell(*command, **more):
    """Not before it is used, because its import takes longer than most cells."""
    import subprocess

    return subprocess.run(command, check=False, **more)


def shell_command(command):
    """Runs a line in a shell, whose output is output of the cell."""
    run_shell("bash", "-c", command)


def shell_lines(command):
    """The lines that a command writes."""
    done = run_shell("bash", "-c", command, stdout=-1, text=True, errors="replace")
    return done.stdout.splitlines()


def line_magic(name, line):
    if name in ("time", "timeit"):
        return _timed(line, 1 if name == "time" else 0)
    if name == "cd":
        return os.chdir(os.path.expanduser(line.strip() or "~"))
    if name == "pwd":
        return os.getcwd()
    if name == "env":
        variable, equals, value = line.partition("=")
        if equals:
            os.environ[variable.strip()] = value.strip()
            return None
        return dict(os.environ) if not line.strip() else os.environ.get(line.strip())
    if name in ("pip", "conda"):
        return shell_command(f"{'python3 -m pip' if name == 'pip' else name} {line}")
    if name in ("matplotlib", "load_ext", "autoreload", "config"):
        return None
    raise NameError(f"line magic %{name} is not known here: %time, %timeit, %cd, %pwd, %env, %pip and %matplotlib are")


def cell_magic(name, line, cell):
    if name in ("bash", "sh"):
        return run_shell(name, "-c", cell).returncode or None
    if name == "time":
        return _timed(cell, 1)
    if name == "timeit":
        return _timed(cell, 0)
    if name == "writefile":
        with open(line.strip(), "w", encoding="utf-8") as file:
            file.write(cell)
        return print(f"Writing {line.strip()}")
    if name in ("html", "HTML"):
        return publish({"text/plain": "<IPython.core.display.HTML object>", "text/html": cell})
    raise NameError(f"cell magic %%{name} is not known here: %%bash, %%sh, %%time, %%timeit, %%writefile and %%html are")


def _timed(code, rounds):
    compiled = compile(code.strip(), "<timed>", "exec")
    count, took, least = 0, 0.0, rounds or 3
    while count < least or (not rounds and took < 0.2 and count < 1_000_000):
        began = time.perf_counter()
        exec(compiled, namespace)
        took += time.perf_counter() - began
        count += 1
    if rounds:
        print(f"Wall time: {took * 1000:.3g} ms")
    else:
        print(f"{took / count * 1e6:.3g} µs per loop (mean of {count} runs)")


_LINE = r"^(\s*)(?:(?P<to>[A-Za-z_]\w*)\s*=\s*)?(?:!(?P<shell>.+)|%(?P<name>[A-Za-z_]\w*)\b[ \t]*(?P<line>.*))$"


def translate(code):
    """The cell as Python, if it is none as it stands."""
    import re

    cell = re.match(r"\s*%%([A-Za-z_]\w*)[ \t]*(.*)\n?([\s\S]*)\Z", code)
    if cell:
        return f"get_ipython().run_cell_magic({cell[1]!r}, {cell[2]!r}, {cell[3]!r})"
    lines = []
    for text in code.split("\n"):
        found = re.match(_LINE, text)
        if found:
            to = f"{found['to']} = " if found["to"] else ""
            if found["shell"]:
                call = f"__shell_lines({found['shell']!r})" if to else f"get_ipython().system({found['shell']!r})"
            else:
                call = f"get_ipython().run_line_magic({found['name']!r}, {found['line']!r})"
            text = f"{found[1]}{to}{call}"
        lines.append(text)
    return "\n".join(lines)
