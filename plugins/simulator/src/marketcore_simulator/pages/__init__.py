"""Pages for people: the payer's handset and the event log."""

from marketcore_simulator.pages.views import Pages

__all__ = ["Pages"]
