"""The supervisor: several processes that start, are kept up and stop as one."""

import io
import os
import re
import signal
import subprocess
import sys

import pytest

from marketcore.supervisor import Supervisor

HELLO = "import os, signal, sys, time\nprint('hello from', os.getpid())\n"
WAIT = HELLO + "time.sleep(600)"
TELL = """
def leave(*_):
    print("leaving")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
"""
OBEDIENT = "import os, signal, sys, time" + TELL + HELLO + "time.sleep(600)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WAIT
FORKING = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[1]])\n" + WAIT
PID = re.compile(r"hello from (\d+)")


def python(source: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", source, *arguments]


@pytest.fixture
def supervised(processes):
    """Start a supervisor process over named commands."""

    def start(ready=(), delay=0.01, stop_seconds=10, **commands):
        argument = {"commands": commands, "ready": dict(ready), "delay": delay, "stop_seconds": stop_seconds}
        return processes.script("supervise.py", argument, stderr=subprocess.STDOUT)

    return start


def lines_until(supervisor, *wanted: str) -> list[str]:
    """Return the lines up to the one that completes the wanted patterns, each met once."""
    missing, lines = list(wanted), []
    for line in supervisor.stdout:
        lines.append(line.rstrip("\n"))
        met = next((pattern for pattern in missing if re.search(pattern, line)), None)
        if met:
            missing.remove(met)
        if not missing:
            return lines
    raise AssertionError(f"{missing} not in {lines}")


def hellos(lines) -> list[int]:
    return [int(pid) for pid in PID.findall("\n".join(lines))]


def test_every_line_is_prefixed_with_the_name_of_its_process(supervised):
    supervisor = supervised(web=python(WAIT), worker=python(HELLO + "print('żółw'); time.sleep(600)"))
    lines = lines_until(supervisor, "web .*hello", "worker .*żółw")
    supervisor.terminate()
    lines += supervisor.communicate()[0].splitlines()
    assert all(re.match(r"(web       |worker    |marketcore) \| ", line) for line in lines)
    assert "worker     | żółw" in lines


def test_a_process_is_called_ready_once_it_is(supervised, tmp_path):
    source = HELLO + "open(sys.argv[1], 'w').close(); time.sleep(600)"
    path = str(tmp_path / "ready")
    supervisor = supervised(ready={"web": path}, web=python(source, path), live=python(WAIT))
    lines_until(supervisor, r"marketcore \| live is ready", r"marketcore \| web is ready \(pid \d+\)")
    assert os.path.exists(path)
    supervisor.terminate()
    assert "is ready" not in supervisor.communicate()[0]


def test_a_process_that_is_not_ready_is_not_called_so(supervised, tmp_path):
    supervisor = supervised(ready={"web": str(tmp_path / "never")}, web=python(WAIT))
    lines_until(supervisor, "hello")
    supervisor.terminate()
    assert "web is ready" not in supervisor.communicate()[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_in_reverse_order(supervised, processes, number):
    supervisor = supervised(first=python(OBEDIENT), second=python(OBEDIENT), third=python(OBEDIENT))
    pids = hellos(lines_until(supervisor, "first .*hello", "second .*hello", "third .*hello"))
    supervisor.send_signal(number)
    rest = supervisor.communicate()[0]
    assert re.findall(r"(\w+) +\| leaving", rest) == ["third", "second", "first"]
    assert supervisor.returncode == 0
    assert not any(map(processes.running, pids))


def test_what_a_process_has_started_is_stopped_with_it(supervised, processes):
    supervisor = supervised(worker=python(FORKING, WAIT))
    pids = hellos(lines_until(supervisor, "hello", "hello"))
    supervisor.terminate()
    supervisor.wait()
    assert len(pids) == 2
    assert not any(map(processes.running, pids))


def test_a_process_that_ignores_the_request_is_killed(supervised, processes):
    supervisor = supervised(stop_seconds=1, stubborn=python(STUBBORN))
    pids = hellos(lines_until(supervisor, "hello"))
    supervisor.terminate()
    assert supervisor.wait() == 0
    assert not any(map(processes.running, pids))


def test_a_second_ctrl_c_kills_at_once(supervised, processes):
    telling = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('asked'))\n" + HELLO
    supervisor = supervised(stop_seconds=600, stubborn=python(telling + "while True: time.sleep(600)"))
    pids = hellos(lines_until(supervisor, "hello"))
    supervisor.send_signal(signal.SIGINT)
    lines_until(supervisor, "asked")
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait() == 130
    assert not any(map(processes.running, pids))


def test_a_killed_supervisor_leaves_no_process(supervised, processes):
    commands = {"web": python(WAIT), "worker": python(FORKING, STUBBORN), "stubborn": python(STUBBORN)}
    supervisor = supervised(stop_seconds=1, **commands)
    pids = hellos(lines_until(supervisor, "web .*hello", "worker .*hello", "worker .*hello", "stubborn .*hello"))
    supervisor.kill()
    assert len(pids) == 4
    assert processes.eventually(lambda: not any(map(processes.running, pids)))


def test_a_crashed_process_is_started_again(supervised):
    supervisor = supervised(web=python(WAIT), worker=python(WAIT))
    lines = lines_until(supervisor, "web .*hello", "worker .*hello")
    (worker,) = (pid for line in lines if "worker" in line for pid in hellos([line]))
    os.kill(worker, signal.SIGKILL)
    again = lines_until(supervisor, "worker ended with SIGKILL; starting it again", "worker .*hello", "worker is ready")
    assert worker not in hellos(again)
    supervisor.terminate()
    supervisor.communicate()
    assert supervisor.returncode == 0


def test_what_a_crashed_process_has_started_does_not_stay(supervised, processes):
    supervisor = supervised(worker=python(FORKING, STUBBORN))
    pids = hellos(lines_until(supervisor, "hello", "hello"))
    leader = next(pid for pid in pids if processes.parent(pid) == supervisor.pid)
    os.kill(leader, signal.SIGKILL)
    lines_until(supervisor, "starting it again")
    assert processes.eventually(lambda: not any(map(processes.running, pids)))


def test_pauses_between_restarts_grow(supervised):
    supervisor = supervised(delay=0.01, broken=python("raise SystemExit(3)"))
    pauses = re.findall(r"starting it again in ([\d.]+) s", supervisor.communicate()[0])
    assert pauses == ["0.01", "0.02", "0.04", "0.08"]


def test_a_process_that_keeps_crashing_stops_the_whole_and_is_named(supervised, processes):
    supervisor = supervised(web=python(WAIT), broken=python("raise SystemExit(3)"))
    output = supervisor.communicate()[0]
    assert supervisor.returncode == 1
    assert "broken ended with exit code 3 and crashed 5 times in a row; stopping everything" in output
    assert not any(map(processes.running, hellos(output.splitlines())))


def test_a_missing_program_is_named(supervised):
    supervisor = supervised(web=["/nowhere/program"])
    output = supervisor.communicate()[0]
    assert supervisor.returncode == 1
    assert "/nowhere/program" in output
    assert "web ended with exit code 127" in output or "cannot be started" in output


def test_a_reader_that_goes_away_ends_the_supervisor(supervised, processes):
    supervisor = supervised(web=python(HELLO + "while True: print('more'); time.sleep(0.01)"))
    pids = hellos(lines_until(supervisor, "hello"))
    supervisor.stdout.close()
    assert processes.eventually(lambda: supervisor.poll() is not None)
    assert not any(map(processes.running, pids))


def test_a_terminal_gets_colours(processes):
    ours, theirs = os.openpty()
    argument = {"commands": {"web": python(HELLO)}, "ready": {}, "delay": 0.01}
    processes.script("supervise.py", argument, stdout=theirs)
    os.close(theirs)
    assert re.match(rb"\x1b\[\d\dm\w+ +\|\x1b\[0m ", os.read(ours, 1000))
    processes.close()
    os.close(ours)


def test_a_character_the_output_cannot_show_is_escaped():
    stream = io.TextIOWrapper(buffer := io.BytesIO(), encoding="ascii")
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    commands = {"web": python("print('żółw')")}
    assert Supervisor(commands, environment, output=stream, first_delay=0.01).run() == 1
    assert b"web        | \\u017c\\xf3\\u0142w\n" in buffer.getvalue()


def test_readiness_of_an_unknown_process_is_refused():
    with pytest.raises(ValueError, match=r"\['wed'\]; the processes are \['web'\]"):
        Supervisor({"web": ["true"]}, {}, ready={"wed": bool})


def test_the_supervisor_gives_the_signals_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert Supervisor({"web": ["false"]}, dict(os.environ), output=io.StringIO(), first_delay=0.001).run() == 1
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
