"""What the figures were measured on, without naming it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.databases import connect, one


def describe(admin_url: str) -> dict[str, Any]:
    """Return cores, memory, system and versions."""
    with connect(admin_url) as connection:
        settings = {
            name: one(connection, f"SHOW {name}")
            for name in ("shared_buffers", "fsync", "synchronous_commit", "full_page_writes", "jit")
        }
        version = one(connection, "SHOW server_version")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{_distribution()}, Linux {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "postgresql": version.split(" ")[0],
        "postgresql_settings": settings,
        "load_before": round(os.getloadavg()[0], 1),
        "date": datetime.now(UTC).date().isoformat(),
    }


def in_words(machine: dict[str, Any]) -> str:
    """Return the machine in one line."""
    return (
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, "
        f"PostgreSQL {machine['postgresql']} (fsync {machine['postgresql_settings']['fsync']}), {machine['date']}"
    )


def _distribution() -> str:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return platform.system()
    names = dict(line.split("=", 1) for line in lines if "=" in line)
    return names.get("PRETTY_NAME", platform.system()).strip('"')
