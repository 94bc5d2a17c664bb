"""Simulated payment gateways for development and tests: real HTTP, scripted failures, pages a person can click."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("simulator", "Simulated payment gateways (development only)")


def includeme(config: Any) -> None:
    """Add the simulator's process."""
    from marketcore_simulator.process import SimulatorSettings

    config.add_settings_schema("simulator", SimulatorSettings())
    config.add_process(
        "simulator",
        ".process.serve",
        port_setting="simulator.port",
        development_only=True,
        page="/handset",
        about="a telephone that answers payment prompts",
    )
