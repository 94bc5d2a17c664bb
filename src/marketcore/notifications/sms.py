"""Text messages as files, where nobody carries them."""

from __future__ import annotations

from pathlib import Path


class SmsFolder:
    """An ``SmsProvider`` for development: each message is a file of ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, number: str, text: str, id: str) -> None:
        """Write the message; sent again, it is the same file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{id}.txt").write_text(f"To: {number}\n\n{text}\n", "utf-8")
