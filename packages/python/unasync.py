"""Makes each module of the client without `await` of the one with it, as `_client.py` of `_async_client.py`. With `--check` it only says whether they agree."""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "src/docle"
FILES = {path.name: path.name.replace("_async_", "_") for path in FOLDER.glob("_async_*.py")}

REPLACEMENTS = [
    (r"for `await`\. `_(\w+)\.py` is made of this file by unasync\.py", r"without `await`. It is made of `_async_\1.py` by unasync.py"),
    (r"from \._async_(\w+) import", r"from ._\1 import"),
    (r"AsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsync([A-Z])", r"\1"),
    (r"from inspect import isawaitable\n", ""),
    (r"        answer = callback\(value\)\n        if isawaitable\(answer\):\n            await answer\n", "        callback(value)\n"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"`aclose\(\)`", "`close()`"),
    (r"\ba(close|read|iter_bytes)\b", r"\1"),
    (r"__a(enter|exit|iter)__", r"__\1__"),
    (r"(from typing import .+\n)\nimport anyio\n\n", r"import time\n\1\n"),
    (r"import anyio\nimport httpx", "import httpx"),
    (r"import json\n", "import json\nimport time\n"),
    (r"anyio\.sleep", "time.sleep"),
]


def made(source: str) -> str:
    text = (FOLDER / source).read_text()
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    return re.sub(r"(?<=^from typing import ).+", lambda names: in_order(names[0]), text, flags=re.M)


def in_order(names: str) -> str:
    """Imported names, whose order is another one without their prefix: constants first."""
    return ", ".join(sorted(names.split(", "), key=lambda name: (not name.isupper(), name)))


for source, target in FILES.items():
    if "--check" not in sys.argv:
        (FOLDER / target).write_text(made(source))
    elif (FOLDER / target).read_text() != made(source):
        sys.exit(f"src/docle/{target} is not what unasync.py makes of {source}: run python unasync.py")
