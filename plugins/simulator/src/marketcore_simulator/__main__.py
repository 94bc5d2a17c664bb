"""python -m marketcore_simulator: run the simulator alone."""

import argparse

from marketcore_simulator.server import serve


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="marketcore_simulator", description="Simulated payment gateways.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8009, help="default: %(default)s")
    parser.add_argument("--seed", type=int, help="make identifiers repeatable")
    arguments = parser.parse_args()
    serve(arguments.host, arguments.port, arguments.seed)


if __name__ == "__main__":
    main()
