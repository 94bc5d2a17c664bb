"""Templates of notifications: one file per type, with the blocks ``subject``, ``line`` and ``text``.

``line`` is what lists show. ``text`` is the letter, its paragraphs apart by empty lines; the HTML letter is made of
the same block with everything escaped. ``action_url`` and ``action_label`` are optional blocks: a button. A template
is given one ``item`` of data and all ``items`` of a digest, the person (``user``) and the marketplace (``site``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import jinja2

LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Written:
    """A letter, ready to be sent."""

    subject: str
    text: str
    html: str


class Templates:
    """Renders the templates of ``folders``: by type, the ``package:folder`` that holds ``TYPE.jinja2``."""

    def __init__(self, folders: Mapping[str, str], site: Mapping[str, str]) -> None:
        self._folders = folders
        self._site = site
        self._plain = self._environment(autoescape=False)
        self._escaped = self._environment(autoescape=True)

    def _environment(self, *, autoescape: bool) -> jinja2.Environment:
        environment = jinja2.Environment(  # noqa: S701 - plain text is not HTML
            loader=jinja2.FunctionLoader(self._load), autoescape=autoescape, undefined=jinja2.StrictUndefined
        )
        environment.globals["site"] = dict(self._site)
        return environment

    def _load(self, name: str) -> str:
        folder = "marketcore.notifications:templates" if name == "letter.html" else self._folders[name]
        package, _colon, path = folder.partition(":")
        return files(package).joinpath(path, f"{name}.jinja2").read_text("utf-8")

    def line(self, type: str, item: Mapping[str, Any], user: Mapping[str, Any]) -> str:
        """Return the one line that lists show."""
        return _one_line(self._block(self._plain, type, "line", item=item, items=[item], user=user))[:LONGEST_LINE]

    def letter(self, type: str, items: Sequence[Mapping[str, Any]], user: Mapping[str, Any]) -> Written:
        """Return the letter that tells of ``items``, the newest last."""
        given = {"item": items[-1], "items": list(items), "user": user}
        url = self._block(self._plain, type, "action_url", **given).strip()
        label = _one_line(self._block(self._plain, type, "action_label", **given))
        text = self._block(self._plain, type, "text", **given).strip()
        if url:
            text += f"\n\n{label}: {url}"
        paragraphs = self._block(self._escaped, type, "text", **given).strip().split("\n\n")
        html = self._escaped.get_template("letter.html").render(
            paragraphs=[jinja2.utils.markupsafe.Markup(part) for part in paragraphs], url=url, label=label
        )
        return Written(_one_line(self._block(self._plain, type, "subject", **given)), text + "\n", html)

    def _block(self, environment: jinja2.Environment, type: str, block: str, **given: Any) -> str:
        template = environment.get_template(type)
        if block not in template.blocks:
            return ""
        return "".join(template.blocks[block](template.new_context(given)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
