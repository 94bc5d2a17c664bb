"""Processes of a test's marketplace, to be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# The beginning of a program that gets its marketplace's settings as JSON in an environment variable.
CONFIGURED = (
    "import json, os; from marketcore.config import configure;"
    "registry = configure(json.loads(os.environ['WEB_APP'])).registry;"
)


def run_process(program, settings, **environment):
    paths = [str(HERE), str(HERE / "fakepay"), *sys.path]
    return subprocess.Popen(
        [sys.executable, *program],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "PYTHONWARNINGS": "ignore",
            "WEB_APP": json.dumps(settings),
            **environment,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
