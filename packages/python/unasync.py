"""Makes `src/docle/_client.py` of `_async_client.py`. With `--check` it only says whether they agree."""

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "src/docle/_async_client.py"
TARGET = SOURCE.with_name("_client.py")

REPLACEMENTS = [
    (r"for `await`\. `_client\.py` is made of this file by unasync\.py", "without `await`. It is made of `_async_client.py` by unasync.py"),
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


def made() -> str:
    text = SOURCE.read_text()
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    return text


if "--check" not in sys.argv:
    TARGET.write_text(made())
elif TARGET.read_text() != made():
    sys.exit("src/docle/_client.py is not what unasync.py makes: run python unasync.py")
