"""Children tied to the life of their parent."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from marketcore.embedded.tether import spawn

READY = "print('ready', flush=True)\n"
# Imported first: an interrupt in the middle of an import may be lost.
SLEEP = "import time\n" + READY + "time.sleep(600)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP


@pytest.fixture
def tied():
    """Spawn Python programs and wait until they run."""
    spawned = []

    def start(source: str, **options):
        spawned.append(spawn([sys.executable, "-c", source], stdout=subprocess.PIPE, **options))
        assert spawned[-1].process.stdout.readline() == b"ready\n"
        return spawned[-1]

    yield start
    for child in spawned:
        child.kill()
        child.process.stdout.close()


def test_a_child_outlives_the_thread_that_asked_for_it(tied, processes):
    children = []
    asking = threading.Thread(target=lambda: children.append(tied(SLEEP)))
    asking.start()
    asking.join()
    (child,) = children
    # A signal from the kernel would have come before this one, which the child must survive to receive.
    assert processes.running(child.pid)
    assert child.stop(signal.SIGTERM, 10)
    assert child.poll() == -signal.SIGTERM


def test_a_child_that_obeys_is_not_killed(tied):
    child = tied(SLEEP)
    assert child.stop(signal.SIGTERM, 60)
    assert child.poll() == -signal.SIGTERM
    assert not child.alive()


def test_a_child_that_does_not_obey_is_killed(tied):
    child = tied(STUBBORN)
    assert not child.stop(signal.SIGTERM, 0.1)
    assert child.poll() == -signal.SIGKILL
    assert not child.alive()


def test_stopping_twice_is_harmless(tied):
    child = tied(SLEEP)
    child.kill()
    assert child.stop(signal.SIGTERM, 1)


def test_the_guard_goes_with_its_child(tied, processes):
    before = set(processes.children(os.getpid()))
    tied(SLEEP).stop(signal.SIGTERM, 60)
    assert set(processes.children(os.getpid())) <= before


def test_a_program_that_does_not_exist_is_an_error_where_the_kernel_is_not_asked():
    with pytest.raises(FileNotFoundError):
        spawn(["/nowhere/program"], kernel=False)


def test_a_forked_process_ties_children_of_its_own(processes):
    source = (
        "import os, sys\nfrom marketcore.embedded.tether import spawn\n"
        "spawn(['true']).kill()\n"
        "if os.fork() == 0:\n    print(spawn(['sleep', '600']).pid, flush=True)\n    sys.stdin.read()\n"
        "else:\n    os.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        child = int(parent.stdout.readline())
        forked = processes.parent(child)
        assert forked != parent.pid
        os.kill(forked, signal.SIGKILL)
        assert processes.eventually(lambda: not processes.running(child))
