"""Makes `src/docle/_client.py` of `_async_client.py`, and `_rooms.py` of `_async_rooms.py`. With `--check` it only says whether they agree."""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "src/docle"
FILES = {"_async_client.py": "_client.py", "_async_rooms.py": "_rooms.py"}

REPLACEMENTS = [
    (r"for `await`\. `_(\w+)\.py` is made of this file by unasync\.py", r"without `await`. It is made of `_async_\1.py` by unasync.py"),
    (r"from \._async_(client|rooms) import", r"from ._\1 import"),
    (r"AsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsyncGenerator, AsyncIterator, Dict\b", "Dict, Generator, Iterator"),
    (r"\bAsync(Iterator|Docle|RunStream|Runs|Isolates|Tokens|Rooms)\b", r"\1"),
    (r"httpx\.AsyncClient", "httpx.Client"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"`aclose\(\)`", "`close()`"),
    (r"\ba(close|read|iter_bytes)\b", r"\1"),
    (r"__a(enter|exit|iter)__", r"__\1__"),
    (r"import anyio\nimport httpx", "import httpx"),
    (r"import json\n", "import json\nimport time\n"),
    (r"anyio\.sleep", "time.sleep"),
]


def made(source: str) -> str:
    text = (FOLDER / source).read_text()
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    return text


for source, target in FILES.items():
    if "--check" not in sys.argv:
        (FOLDER / target).write_text(made(source))
    elif (FOLDER / target).read_text() != made(source):
        sys.exit(f"src/docle/{target} is not what unasync.py makes of {source}: run python unasync.py")
