"""What embedded PostgreSQL and Valkey share: one server per folder, joined by whoever comes second.

The folder holds ``password`` (0600), ``state.json`` ({pid, port}), ``server.log``, ``starter`` and ``lock``. The lock
is a ``flock`` taken by the starter and inherited by the server, so it is held exactly as long as any process of the
server lives, whoever started it and however that one ended. A second starter polls: either the running server
answers, or the lock becomes free and it is the starter itself.
"""

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from marketcore.embedded.errors import EmbeddedServerError
from marketcore.embedded.tether import Tethered, spawn

START_SECONDS = 180  # recovery after a crash may take long; a server that has failed is noticed at once
STOP_SECONDS = 30
_PORT_ATTEMPTS = 5
_LOG_LINES = 15
_LOG_BYTES = 10_000_000
_PORT_TAKEN = ("could not bind", "Address already in use")


class EmbeddedServer(ABC):
    """One server on 127.0.0.1 whose files are in ``data_dir``, started by or shared between processes."""

    title: str
    remedy: str
    death_signal: str

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        self.folder = data_dir.resolve()
        self._port = port
        self._server: Tethered | None = None
        self._log = self.folder / "server.log"
        self._log_start: int | None = None
        self._starter: int | None = None

    def start(self) -> str:
        """Start the server, or join the one another process runs for this folder; return its URL.

        Raises ``EmbeddedServerError`` with the last lines of the server's log where it does not start.
        """
        self._make_folder()
        lock = self._lock_or_url()
        if isinstance(lock, str):
            return lock
        try:
            self.stop()  # dismisses what is left of a server that has died
            self._prepare(lock)
            return self._url(self._launch(lock))
        finally:
            os.close(lock)

    def stop(self) -> None:
        """Stop the server if this object started it; leave one that was joined alone."""
        server, self._server = self._server, None
        if self._starter is not None:
            os.close(self._starter)
            self._starter = None
        if server is not None:
            self._state.unlink(missing_ok=True)
            server.stop(getattr(signal, f"SIG{self.death_signal}"), STOP_SECONDS)

    def running_url(self) -> str | None:
        """Return the URL of the live server of this folder, whoever runs it; None if none answers.

        A server whose starter has died is about to stop, even while it still answers: it is not worth joining.
        """
        port = self._recorded_port()
        # Whether it answers takes a while to find out: the starter is looked at last.
        return self._url(port) if port and self._answers(port) and self._starter_lives() else None

    @property
    def password(self) -> str:
        """The server's password, read from its file."""
        try:
            return self._password_file.read_text().strip()
        except OSError as error:
            raise self._error(f"the password cannot be read from {self._password_file}: {error}") from error

    @property
    def pid(self) -> int | None:
        """The process id of the server if this object started it."""
        return self._server.pid if self._server else None

    @abstractmethod
    def _prepare(self, lock: int) -> None:
        """Make ready what the server needs before it starts; ``lock`` is to be inherited by helpers."""

    @abstractmethod
    def _command(self, port: int) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def _answers(self, port: int) -> bool:
        """Tell whether this folder's server answers on ``port``, with this folder's password."""

    @abstractmethod
    def _url(self, port: int) -> str:
        """Return the URL of the server on ``port``."""

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._error(f"the folder cannot be made: {error}") from error

    def _prefix(self) -> tuple[str, ...]:
        return ()

    @property
    def _state(self) -> Path:
        return self.folder / "state.json"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    def _recorded_port(self) -> int:
        try:
            return int(json.loads(self._state.read_text())["port"])
        except (OSError, ValueError, KeyError):
            return 0

    def _record(self, pid: int, port: int) -> None:
        write_private(self._state, json.dumps({"pid": pid, "port": port}))

    def _own(self) -> None:
        """Hold the starter's lock, which no child inherits: it is free at the instant this process dies."""
        if self._starter is None:
            self._starter = self._open(self.folder / "starter", os.O_RDWR | os.O_CREAT)
            fcntl.flock(self._starter, fcntl.LOCK_EX)

    def _starter_lives(self) -> bool:
        probe = self._open(self.folder / "starter", os.O_RDWR | os.O_CREAT)
        try:
            return not _locked(probe)
        finally:
            os.close(probe)

    def _new_password(self) -> None:
        write_private(self._password_file, secrets.token_urlsafe(32))

    def _lock_or_url(self) -> int | str:
        """Return the lock's descriptor, or the URL once a server answers; wait for one that comes or goes."""
        lock = self._open(self.folder / "lock", os.O_RDWR | os.O_CREAT)
        deadline = time.monotonic() + START_SECONDS
        try:
            while not _locked(lock):
                if url := self.running_url():
                    os.close(lock)
                    return url
                self._give_up_after(deadline)
                time.sleep(0.05)
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _open(self, path: Path, flags: int) -> int:
        try:
            return os.open(path, flags, 0o600)
        except OSError as error:
            raise self._error(f"{path} cannot be opened by user {os.geteuid()}: {error.strerror}") from error

    def _give_up_after(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            state = self._state.read_text() if self._state.exists() else "not recorded"
            raise self._error(
                f"another process holds {self.folder / 'lock'} but its server ({state}) has not answered for "
                f"{START_SECONDS} s; end that process"
            )

    def _launch(self, lock: int) -> int:
        for _ in range(_PORT_ATTEMPTS):
            port = self._port or _free_port()
            self._own()
            self._server = self._spawn(port, lock)
            try:
                if self._await_answer(self._server, port):
                    self._record(self._server.pid, port)
                    return port
            except BaseException:
                self.stop()
                raise
            self.stop()
            if self._port or not any(sign in self._log_tail() for sign in _PORT_TAKEN):
                break
        raise self._error("it did not start")

    def _spawn(self, port: int, lock: int) -> Tethered:
        log = self._open_log()
        try:
            return self._run(self._command(port), lock, log)
        except OSError as error:
            raise self._error(f"it cannot be run: {error}") from error
        finally:
            os.close(log)

    def _run(self, command: list[str], lock: int, log: int) -> Tethered:
        """Start a program as the server's user, holding the lock, writing to the log."""
        return spawn(
            command,
            death_signal=self.death_signal,
            patience=STOP_SECONDS,
            prefix=self._prefix(),
            pass_fds=(lock,),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        )

    def _open_log(self) -> int:
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        log = self._open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._log_start = os.fstat(log).st_size
        return log

    def _await_answer(self, server: Tethered, port: int) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while server.poll() is None:
            if self._answers(port):
                return True
            if time.monotonic() > deadline:
                raise self._error(f"it did not answer on port {port} within {START_SECONDS} s")
            time.sleep(0.02)
        return False

    def _log_tail(self) -> str:
        """Return the last lines written since this object last started a program."""
        if self._log_start is None:
            return ""
        written = self._log.read_bytes()[self._log_start :]
        return "\n".join(written.decode(errors="replace").splitlines()[-_LOG_LINES:])

    def _error(self, reason: str) -> EmbeddedServerError:
        tail = self._log_tail()
        lines = f"\nThe last lines of {self._log}:\n{tail}" if tail else ""
        return EmbeddedServerError(
            f"The embedded {self.title} server in {self.folder} cannot be used: {reason}. "
            f"Correct that, or {self.remedy}{lines}"
        )


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_private(path: Path, text: str) -> None:
    """Write or replace, at one stroke, a file that only its owner can read."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)
