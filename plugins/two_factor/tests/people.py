"""People of a marketplace with second factors: their letters, their telephones, their requests."""

from __future__ import annotations

import email
import email.policy
import re
import uuid
from pathlib import Path

import pyotp

from marketcore.identity.services import create_user
from marketcore.jobs.running import run_waiting
from marketcore.settings import section

PASSWORD = "correct horse battery staple"
LOGIN, OWN = "/api/v1/auth/login", "/api/v1/users/me/second-factor"
SECOND = f"{LOGIN}/second-factor"


class Town:
    """The marketplace, its clock and its post."""

    def __init__(self, market):
        self.market = market
        self._minutes = 0

    def ask(self, method, path, token=None, body=None, **options):
        with self.market.client(token) as http:
            return http.request(method, path, **({} if body is None else {"json": body}), **options)

    def wait(self, minutes):
        """Let ``minutes`` pass."""
        self._minutes += minutes
        self.market.travel(f"{self._minutes} minutes")

    def letters(self, address):
        """Send what is due; return the subjects and texts of what ``address`` got, the oldest first."""
        run_waiting(self.market.registry)
        folder = Path(section(self.market.registry, "marketcore")["data_dir"]) / "mail"
        files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        read = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
        return [(one["Subject"], one.get_body(("plain",)).get_content()) for one in read if one["To"] == address]


class Person:
    """Somebody with an account, a session, and perhaps a telephone with an authenticator app."""

    def __init__(self, town, *roles):
        self.town = town
        self.email = f"{uuid.uuid4().hex}@example.test"
        self.id = town.market.perform(create_user, self.email, PASSWORD, list(roles or ("seller",)))
        self.secret = ""
        self.recovery_codes = []
        self.access = self.refresh = ""

    def _keep(self, answer):
        if answer.status_code == 200:
            self.access, self.refresh = answer.json()["access"], answer.json()["refresh"]
        return answer

    def renew(self):
        """Go on with the session, whose access token ends after a quarter of an hour."""
        return self._keep(self.town.ask("POST", "/api/v1/auth/refresh", body={"refresh": self.refresh}))

    def log_in(self, password=PASSWORD):
        """Take the first step of a login, and keep the session if it was the only one."""
        return self._keep(self.town.ask("POST", LOGIN, body={"email": self.email, "password": password}))

    def challenge(self):
        """Log in as far as the password goes; return the challenge."""
        answer = self.log_in()
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:marketcore:problem:second-factor-needed")
        return answer.json()["second_factor"]["challenge"]

    def finish(self, challenge, method, code):
        """Take the second step, and keep the session."""
        return self._keep(self.town.ask("POST", SECOND, body={"challenge": challenge, "method": method, "code": code}))

    def ask(self, method, path, body=None, **options):
        if not self.access:
            assert self.log_in().status_code == 200
        return self.town.ask(method, path, self.access, body, **options)

    def post(self, part, body=None):
        return self.ask("POST", f"{OWN}{part}", body)

    def app_code(self, ahead=0):
        """Return what the app shows now, or ``ahead`` time steps later."""
        ((now,),) = self.town.market.query("SELECT market_clock()")
        return pyotp.TOTP(self.secret).at(for_time=now, counter_offset=ahead)

    def wrong_code(self):
        """Return six digits that no app of this person shows around now."""
        shown = {self.app_code(ahead) for ahead in range(-3, 4)} if self.secret else set()
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in shown)

    def set_up_app(self):
        begun = self.post("/totp", {"password": PASSWORD})
        assert begun.status_code == 201, begun.text
        self.secret = begun.json()["secret"]
        confirmed = self.post("/totp/confirmation", {"code": self.app_code(-1)})
        assert confirmed.status_code == 200, confirmed.text
        self.recovery_codes = confirmed.json()["recovery_codes"] or self.recovery_codes
        return self

    def codes(self):
        """Return the codes in this person's letters, the oldest first."""
        subjects = [subject for subject, _text in self.town.letters(self.email)]
        return [found[1] for subject in subjects if (found := re.fullmatch(r"(\d{6}) is your code", subject))]
