"""Run several long-lived processes as one: start, watch, restart, stop.

Each child leads a session of its own and is tied to the supervisor by ``marketcore.embedded.tether``: the
kernel's parent-death signal (armed by ``setpriv --pdeathsig TERM`` before the child's program is executed)
plus a guard that ends the child's whole process group. A ``kill -9`` of the supervisor therefore leaves
neither a child nor what a child forked. A terminal's Ctrl-C reaches the supervisor only, which stops the
children one after the other, in reverse order of their start.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

from marketcore.embedded.tether import Tethered, spawn

STOP_SECONDS = 10
QUICK_CRASH_SECONDS = 10
QUICK_CRASHES = 5
LONGEST_DELAY = 60.0

_NAME = "marketcore"  # the prefix of the supervisor's own lines
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK = 0.05


class Supervisor:
    """Run ``commands`` (name → arguments) in their order until a signal comes or one keeps crashing.

    ``env`` is the children's whole environment. ``ready`` maps names to functions that tell, within about a
    second, whether that process can do its work; one without such a function is ready once started. An
    ``OSError`` from such a function means not ready. ``output`` receives every line; ``first_delay`` is the
    pause in seconds before the first restart, doubled for each further quick crash; ``stop_seconds`` is what
    a process gets to stop by itself.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        env: Mapping[str, str],
        *,
        ready: Mapping[str, Callable[[], bool]] | None = None,
        output: TextIO | None = None,
        first_delay: float = 1.0,
        stop_seconds: int = STOP_SECONDS,
    ) -> None:
        self._output = _Output(output or sys.stdout, [_NAME, *commands])
        checks = ready or {}
        if unknown := set(checks) - set(commands):
            raise ValueError(f"Readiness is given for {sorted(unknown)}; the processes are {list(commands)}")
        environment = {"PYTHONUNBUFFERED": "1", **env}
        self._children = [
            _Child(
                name,
                command,
                env=environment,
                is_ready=checks.get(name, _always),
                output=self._output,
                first_delay=first_delay,
                stop_seconds=stop_seconds,
            )
            for name, command in commands.items()
        ]
        self._stop_seconds = stop_seconds
        self._asked_to_stop = False
        self._interrupts = 0

    def run(self) -> int:
        """Run until stopped, from the main thread; return the exit code.

        0 after SIGINT, SIGTERM or SIGHUP, 130 if a second SIGINT made it kill, 1 if a process was given up.
        """
        with self._signal_handlers():
            try:
                for child in self._children:
                    child.start()
                reason = self._watch()
                if reason:
                    self._output.line(_NAME, f"{reason}; stopping everything")
                return self._stop(1 if reason else 0)
            finally:
                self._kill()

    def _watch(self) -> str | None:
        """Look after the children until asked to stop; return why the whole must stop otherwise."""
        while not self._asked_to_stop and not self._output.closed:
            for child in self._children:
                if reason := child.look():
                    return reason
            time.sleep(_TICK)
        return None

    def _stop(self, code: int) -> int:
        for child in reversed(self._children):
            child.ask_to_stop()
            deadline = time.monotonic() + self._stop_seconds
            while child.alive() and time.monotonic() < deadline:
                if self._interrupts > 1:
                    return 130
                time.sleep(_TICK)
            child.kill()
        self._output.line(_NAME, "stopped")
        return code

    def _kill(self) -> None:
        for child in reversed(self._children):
            child.kill()

    @contextmanager
    def _signal_handlers(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on_signal) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop = True
        self._interrupts += number == signal.SIGINT


def _always() -> bool:
    return True


class _Child:
    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        is_ready: Callable[[], bool],
        output: "_Output",
        first_delay: float,
        stop_seconds: int,
    ) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._is_ready = is_ready
        self._output = output
        self._first_delay = first_delay
        self._stop_seconds = stop_seconds
        self._process: Tethered | None = None
        self._announced = False
        self._started = 0.0
        self._restart_at = 0.0
        self._quick_crashes = 0

    def start(self) -> None:
        """Start the process; one whose program is missing counts as crashed."""
        self._started = time.monotonic()
        self._announced = False
        try:
            self._process = self._spawn()
        except OSError as error:
            self._output.line(self.name, f"cannot be started: {error}")

    def look(self) -> str | None:
        """Notice readiness, crashes and the time of a restart; return the reason if it is hopeless."""
        if self._process is None:
            return self._wait_or_restart()
        code = self._process.poll()
        if code is not None:
            return self._crashed(f"ended with {_ending(code)}")
        self._announce()
        return None

    def ask_to_stop(self) -> None:
        if self._process:
            self._process.signal(signal.SIGTERM)

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def kill(self) -> None:
        """Kill what is left of the process's group, now."""
        process, self._process = self._process, None
        if process:
            process.kill()
            self._reader.join(1)

    def _spawn(self) -> Tethered:
        process = spawn(
            self._command,
            death_signal="TERM",
            patience=self._stop_seconds,
            env=dict(self._env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._relay, args=(process.process,), daemon=True)
        self._reader.start()
        return process

    def _relay(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdout:
            with process.stdout:
                for line in process.stdout:
                    self._output.line(self.name, line.decode(errors="replace").rstrip("\r\n"))

    def _announce(self) -> None:
        if self._announced or self._process is None:
            return
        with suppress(OSError):
            self._announced = self._is_ready()
        if self._announced:
            self._output.line(_NAME, f"{self.name} is ready (pid {self._process.pid})")

    def _crashed(self, how: str) -> str | None:
        self.kill()
        quick = time.monotonic() - self._started < QUICK_CRASH_SECONDS
        self._quick_crashes = self._quick_crashes + 1 if quick else 1
        if self._quick_crashes >= QUICK_CRASHES:
            return f"{self.name} {how} and crashed {QUICK_CRASHES} times in a row"
        delay = min(self._first_delay * 2 ** (self._quick_crashes - 1), LONGEST_DELAY)
        self._restart_at = time.monotonic() + delay
        self._output.line(_NAME, f"{self.name} {how}; starting it again in {delay:g} s")
        return None

    def _wait_or_restart(self) -> str | None:
        if time.monotonic() >= self._restart_at:
            self.start()
            if self._process is None:
                return self._crashed("could not be started")
        return None


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name


class _Output:
    """Lines of several processes on one stream, each behind the name of its process."""

    def __init__(self, stream: TextIO, names: Sequence[str]) -> None:
        self.closed = False
        self._stream = stream
        self._lock = threading.Lock()
        width = max(map(len, names))
        coloured = stream.isatty() and "NO_COLOR" not in os.environ
        self._prefixes = {
            name: _prefix(name.ljust(width), _COLOURS[index % len(_COLOURS)] if coloured else None)
            for index, name in enumerate(names)
        }

    def line(self, name: str, text: str) -> None:
        """Write one line; once the stream's other end has gone, only remember that it has."""
        encoding = self._stream.encoding or "utf-8"
        writable = text.encode(encoding, "backslashreplace").decode(encoding)
        with self._lock:
            try:
                self._stream.write(f"{self._prefixes[name]}{writable}\n")
                self._stream.flush()
            except OSError:
                self.closed = True


def _prefix(name: str, colour: int | None) -> str:
    return f"{name} | " if colour is None else f"\x1b[{colour}m{name} |\x1b[0m "
