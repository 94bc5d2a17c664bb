"""Start embedded servers, print what they are as a line of JSON, keep them until standard input ends."""

import json
import sys
import threading
from pathlib import Path

from marketcore.embedded import EmbeddedPostgres, EmbeddedValkey, tether


def main(folder: str, mode: str | None = None, thread: bool = False, kernel: bool = True) -> None:
    """Start both servers, if asked in a thread that ends at once or without the kernel's tether."""
    if not kernel:
        tether.kernel_tether_available = lambda: False
    postgres = EmbeddedPostgres(Path(folder, "postgres"), durable=False, mode=mode)
    valkey = EmbeddedValkey(Path(folder, "valkey"))
    urls: list[str] = []

    def start() -> None:
        urls.extend((postgres.start(), valkey.start()))

    if thread:
        starter = threading.Thread(target=start)
        starter.start()
        starter.join()
    else:
        start()
    print(json.dumps({"urls": urls, "pids": [postgres.pid, valkey.pid]}), flush=True)
    sys.stdin.read()
    valkey.stop()
    postgres.stop()


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
