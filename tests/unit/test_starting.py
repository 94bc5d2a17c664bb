"""What a process asks of the system before it serves."""

from __future__ import annotations

import subprocess
import sys

import pytest

TRY = """
import resource
from marketcore.starting import expect_connections
resource.setrlimit(resource.RLIMIT_NOFILE, (128, {hard}))
expect_connections(300)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(("hard", "warned"), [(4000, False), (200, True)])
def test_a_process_opens_as_many_files_as_it_may_and_says_when_these_are_few(hard: int, warned: bool) -> None:
    done = subprocess.run([sys.executable, "-c", TRY.format(hard=hard)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(hard)
    assert ("few_files_allowed" in done.stdout and "ulimit -Hn" in done.stdout) == warned
