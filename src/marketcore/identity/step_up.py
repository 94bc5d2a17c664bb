"""Being logged in is not enough: views with ``step_up=True`` ask every check that plugins added for a fresh proof."""

from __future__ import annotations

from typing import Any

from marketcore.directives import table


def stepped_up(view: Any, info: Any) -> Any:
    """Wrap views declared ``step_up=True``."""
    if not info.options.get("step_up"):
        return view

    def wrapper(context: Any, request: Any) -> Any:
        checks = table(request.registry, "step-up checks")
        for name in sorted(checks):
            checks[name](request)
        return view(context, request)

    return wrapper


stepped_up.options = ("step_up",)  # type: ignore[attr-defined]


def includeme(config: Any) -> None:
    """Add the deriver: inside validation, and outside idempotency, so that a refused request claims no key."""
    config.add_view_deriver(stepped_up, name="stepped_up", under="validated", over="idempotent")
