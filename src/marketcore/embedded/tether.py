"""Child processes that cannot outlive the process that started them.

A child is tied by two independent means:

* the kernel's parent-death signal (``setpriv --pdeathsig``, Linux), which reaches the child itself at once;
* a guard, a tiny shell holding one end of a pipe. When the other end disappears, however the parent died, the
  guard ends the child's whole process group, so that what the child forked goes too. The guard is the only
  means where ``setpriv`` is missing (macOS). Only a grandchild that makes a session of its own escapes it;
  such programs (PostgreSQL's backends) watch their parent themselves.

The kernel sends the parent-death signal when the *thread* that forked ends, not the process. Every child is
therefore forked by one thread that lives as long as the process, and ``spawn`` may be called from any thread.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache, partial
from queue import SimpleQueue
from typing import Any

# The parent may have died before the signal was armed: go on only while it is still the parent.
_ONLY_WITH_PARENT = '[ "$PPID" = "$0" ] && exec "$@"'

# Arguments: process group, signal for its leader (empty: the kernel has sent it), seconds of patience.
_GUARD = """
read -r _
exec 2>/dev/null
[ "$2" ] && kill "-$2" "-$1"
tenths=$(($3 * 10))
while kill -0 "$1" && [ $tenths -gt 0 ]; do sleep 0.1; tenths=$((tenths - 1)); done
kill -TERM "-$1"
tenths=20
while kill -0 "-$1" && [ $tenths -gt 0 ]; do sleep 0.1; tenths=$((tenths - 1)); done
kill -KILL "-$1"
"""

_GONE = (ProcessLookupError, PermissionError)  # macOS answers EPERM for a group of zombies


class Tethered:
    """A running child, the leader of a process group of its own."""

    def __init__(self, process: subprocess.Popen[bytes], guard: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._guard = guard

    @property
    def pid(self) -> int:
        """The child's process id, which is also its process group."""
        return self.process.pid

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), or None while it runs."""
        return self.process.poll()

    def signal(self, number: int) -> None:
        """Send a signal to every process of the group; do nothing if none is left."""
        with contextlib.suppress(*_GONE):
            os.killpg(self.pid, number)

    def alive(self) -> bool:
        """Tell whether any process of the group is left."""
        self.process.poll()
        try:
            os.killpg(self.pid, 0)
        except _GONE:
            return False
        return True

    def stop(self, number: int, patience: float) -> bool:
        """Signal the group, wait ``patience`` seconds, kill what is left; return whether nothing was."""
        self.signal(number)
        deadline = time.monotonic() + patience
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        obedient = not self.alive()
        self.kill()
        return obedient

    def kill(self) -> None:
        """Kill every process of the group at once and dismiss the guard."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        self._guard.kill()
        self._guard.communicate()


def spawn(
    command: Sequence[str],
    *,
    death_signal: str = "TERM",
    patience: int = 10,
    prefix: Sequence[str] = (),
    kernel: bool | None = None,
    **options: Any,
) -> Tethered:
    """Start ``command`` in a session of its own, tied to the life of this process.

    ``death_signal`` is what the child gets when this process dies ("TERM", "INT", "KILL"), ``patience`` the
    seconds it then has before its group is killed. ``prefix`` is a wrapping command that executes its
    arguments (it may change user, which would clear a signal armed before it). ``kernel`` False leaves all to
    the guard; None decides by what the platform has. Further options go to ``subprocess.Popen``.
    """
    armed = kernel_tether_available() if kernel is None else kernel
    wrapped = [*prefix, *(_armed(death_signal) if armed else ()), *command]
    start = partial(_start, wrapped, "" if armed else death_signal, patience, options)
    future = _forking_thread(os.getpid()).submit(start)
    try:
        return future.result()
    except (KeyboardInterrupt, SystemExit):
        future.add_done_callback(lambda done: done.result().kill())
        raise


@cache
def kernel_tether_available() -> bool:
    """Tell whether ``setpriv`` (util-linux) is there to arm the parent-death signal."""
    return shutil.which("setpriv") is not None


def _start(command: list[str], guard_signal: str, patience: int, options: dict[str, Any]) -> Tethered:
    process = subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603
    try:
        guard = _guard(process.pid, guard_signal, patience)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Tethered(process, guard)


def _armed(death_signal: str) -> list[str]:
    check = ["/bin/sh", "-c", _ONLY_WITH_PARENT, str(os.getpid())]
    return ["setpriv", "--pdeathsig", death_signal, "--", *check]


def _guard(group: int, first_signal: str, patience: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", _GUARD, "guard", str(group), first_signal, str(patience)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


class _ForkingThread:
    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[Tethered], Callable[[], Tethered]]] = SimpleQueue()
        threading.Thread(target=self._run, name="tether", daemon=True).start()

    def submit(self, start: Callable[[], Tethered]) -> "Future[Tethered]":
        future: Future[Tethered] = Future()
        self._work.put((future, start))
        return future

    def _run(self) -> None:
        while True:
            self._serve(*self._work.get())

    def _serve(self, future: "Future[Tethered]", start: Callable[[], Tethered]) -> None:
        try:
            future.set_result(start())
        except BaseException as error:
            future.set_exception(error)


@cache
def _forking_thread(pid: int) -> _ForkingThread:
    """Return this process's forking thread; a forked process (another ``pid``) gets its own."""
    return _ForkingThread()
