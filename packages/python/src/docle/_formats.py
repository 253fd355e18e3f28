"""The formats that a result of a cell may have."""

from __future__ import annotations

from typing import List

FORMATS = ("text", "html", "markdown", "svg", "png", "jpeg", "pdf", "latex", "javascript", "json", "chart")


class Formats:
    """Something that a cell shows, in all the formats that it has."""

    def formats(self) -> List[str]:
        """The formats that it has; other MIME types by their names."""
        return [name for name in FORMATS if getattr(self, name) is not None] + list(getattr(self, "extra") or {})
