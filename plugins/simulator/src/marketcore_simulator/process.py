"""The simulator as a process of the platform."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import Any

import colander

from marketcore.exceptions import ConfigurationError
from marketcore.settings import section
from marketcore_simulator.razorpay import credentials
from marketcore_simulator.server import SimulatorServer


class SimulatorSettings(colander.MappingSchema):
    """``simulator.*``: where it listens (loopback only), and who hears of what happens."""

    host = colander.SchemaNode(colander.String(), missing="127.0.0.1")
    port = colander.SchemaNode(colander.Integer(), missing=8002, validator=colander.Range(0, 65535))
    razorpay_webhook_url = colander.SchemaNode(
        colander.String(), missing="", description="where the Razorpay face posts its webhooks from the start"
    )
    razorpay_webhook_secret = colander.SchemaNode(
        colander.String(), missing=credentials.WEBHOOK_SECRET, description="what it signs them with"
    )
    stripe_webhook_url = colander.SchemaNode(
        colander.String(), missing="", description="where the Stripe face posts all its events from the start"
    )
    stripe_webhook_secret = colander.SchemaNode(
        colander.String(), missing="whsec_simulated_0123456789", description="what it signs them with"
    )


def serve(registry: Any) -> int:
    """Answer until SIGTERM or SIGINT; refuse to run outside development."""
    if section(registry, "marketcore")["environment"] != "development":
        raise ConfigurationError("the simulator takes no real money: take 'simulator' out of marketcore.plugins")
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(0))
    build_server(section(registry, "simulator")).run()
    return 0


def build_server(settings: Mapping[str, Any]) -> SimulatorServer:
    """Return the simulator that ``simulator.*`` describe, its webhooks registered, not yet answering."""
    server = SimulatorServer(settings["port"], settings["host"])
    if settings["razorpay_webhook_url"]:
        server.app.razorpay.register_webhook(settings["razorpay_webhook_url"], settings["razorpay_webhook_secret"])
    if settings["stripe_webhook_url"]:
        server.app.stripe.register_webhook(settings["stripe_webhook_url"], settings["stripe_webhook_secret"])
    return server
