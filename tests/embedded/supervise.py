"""Run a supervisor over what the argument describes; end with its exit code."""

import json
import os
import sys
from pathlib import Path

from marketcore.supervisor import Supervisor


def main(commands: dict[str, list[str]], ready: dict[str, str], delay: float, stop_seconds: int = 10) -> int:
    """Supervise ``commands``; ``ready`` maps a name to the file whose existence makes it ready."""
    checks = {name: Path(path).exists for name, path in ready.items()}
    supervisor = Supervisor(commands, dict(os.environ), ready=checks, first_delay=delay, stop_seconds=stop_seconds)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(**json.loads(sys.argv[1])))
