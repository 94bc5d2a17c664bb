"""Carry callbacks to the marketplace: loopback addresses only, redirects never followed."""

import http.client
import ipaddress
from urllib.parse import SplitResult, urlsplit

from marketcore_simulator.events import Envelope, Event, EventLog
from marketcore_simulator.settings import Settings

_KEPT_OF_ANSWER = 4096


def is_loopback(host: str | None) -> bool:
    """Tell whether `host` names this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class Courier:
    """Post envelopes and log what came of each."""

    def __init__(self, log: EventLog, settings: Settings) -> None:
        self._log = log
        self._settings = settings

    def deliver(self, envelope: Envelope) -> Event:
        """Post the envelope once and return the logged delivery; its detail has `status` and `answer`, or `problem`."""
        detail = self._outcome(envelope)
        result = detail.get("status") or detail["problem"]
        summary = f"{envelope.subject}: {result}"
        body = envelope.body.decode("utf-8", "replace")
        return self._log.add(envelope.face, "delivery", summary, envelope, url=envelope.url, body=body, **detail)

    def redeliver(self, event: Event) -> Event:
        """Post an earlier delivery again, byte for byte; raise ValueError for other events."""
        if event.envelope is None:
            raise ValueError(f"event {event.id} is not a delivery")
        return self.deliver(event.envelope)

    def _outcome(self, envelope: Envelope) -> dict[str, object]:
        target = urlsplit(envelope.url)
        if not is_loopback(target.hostname):
            return {"problem": f"not sent: {target.hostname} is not a loopback address"}
        try:
            return self._post(target, envelope)
        except (OSError, http.client.HTTPException) as error:
            return {"problem": f"not delivered: {type(error).__name__}"}

    def _post(self, target: SplitResult, envelope: Envelope) -> dict[str, object]:
        connect = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        timeout = envelope.timeout or self._settings.delivery_timeout
        connection = connect(target.hostname or "", target.port, timeout=timeout)
        try:
            path = (target.path or "/") + (f"?{target.query}" if target.query else "")
            connection.request("POST", path, envelope.body, dict(envelope.headers))
            response = connection.getresponse()
            return {"status": response.status, "answer": response.read(_KEPT_OF_ANSWER).decode("utf-8", "replace")}
        finally:
            connection.close()
