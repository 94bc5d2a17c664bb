"""Templates of notifications: one file per type, with the blocks ``subject``, ``line`` and ``text``.

``line`` is what lists show, made of the ``item`` alone. ``text`` is the letter, its paragraphs apart by empty lines;
the HTML letter is made of the same block with everything escaped. ``action_url`` and ``action_label`` are optional
blocks: a button, where the marketplace has pages for people. Letters are given the newest ``item`` of data and all
``items`` of a digest, the person (``user``) and the marketplace (``site``); ``code(id)`` is what proves to this
platform that somebody got the letter, and ``digits(id)`` is six digits of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Written:
    """A letter, ready to be sent."""

    subject: str
    text: str
    html: str


class Templates:
    """Renders the templates of ``folders``: by type, the ``package:folder`` that holds ``TYPE.jinja2``."""

    def __init__(
        self,
        folders: Mapping[str, str],
        site: Mapping[str, str],
        code: Callable[[str], str] | None = None,
        digits: Callable[[str], str] | None = None,
    ) -> None:
        self._folders = {"letter.html": "marketcore.notifications:templates", **folders}
        self._globals: dict[str, Any] = {"site": dict(site), "code": code, "digits": digits}
        self._plain = self._environment(autoescape=False)
        self._escaped = self._environment(autoescape=True)

    def _environment(self, *, autoescape: bool) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.FunctionLoader(self._load),
            autoescape=autoescape,  # noqa: S701 - plain text is not HTML
            undefined=jinja2.StrictUndefined,
        )
        environment.globals.update(self._globals)
        return environment

    def _load(self, name: str) -> str:
        if name not in self._folders:
            raise LookupError(f"no notification type is called {name!r}: enable the plugin that declares it")
        package, _colon, path = self._folders[name].partition(":")
        return files(package).joinpath(path, f"{name}.jinja2").read_text("utf-8")

    def line(self, type: str, item: Mapping[str, Any]) -> str:
        """Return the one line that lists show."""
        return _one_line(self._block(self._plain, type, "line", item=item))[:LONGEST_LINE]

    def letter(self, type: str, items: Sequence[Mapping[str, Any]], user: Mapping[str, Any]) -> Written:
        """Return the letter that tells of ``items``, the newest last."""
        given = {"item": items[-1], "items": list(items), "user": user}
        url = self._block(self._plain, type, "action_url", **given).strip() if self._globals["site"]["url"] else ""
        label = _one_line(self._block(self._plain, type, "action_label", **given))
        text = self._block(self._plain, type, "text", **given).strip() + (f"\n\n{label}: {url}" if url else "")
        escaped = self._block(self._escaped, type, "text", **given).strip()
        paragraphs = [Markup(part) for part in escaped.split("\n\n")]  # noqa: S704 - escaped already
        page = self._escaped.get_template("letter.html")
        html = page.render(paragraphs=paragraphs, url=url, label=label)
        return Written(_one_line(self._block(self._plain, type, "subject", **given)), text + "\n", html)

    def _block(self, environment: jinja2.Environment, type: str, block: str, **given: Any) -> str:
        template = environment.get_template(type)
        if block not in template.blocks:
            return ""
        return "".join(template.blocks[block](template.new_context(given)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
