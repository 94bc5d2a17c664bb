"""From what is printed to a PDF: the only module that knows Typst."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

TEMPLATE = Path(__file__).parent / "templates" / "document.typ"


def typeset(content: Mapping[str, Any], moment: datetime, font_folder: str = "") -> bytes:
    """Return ``content`` (see ``rules.printed``) as a PDF that says it was made at ``moment``.

    The same content, moment and fonts give the same bytes. Texts reach the template as data and never as markup.
    """
    return typst.compile(
        TEMPLATE,
        format="pdf",
        font_paths=[Path(font_folder)] if font_folder else [],
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps(content)},
        timestamp=int(moment.timestamp()),
    )
