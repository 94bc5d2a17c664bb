import threading

import pytest
import stripe

from marketcore_simulator.stripe.credentials import API_VERSION, SECRET_KEY
from marketcore_simulator.testing import CallbackReceiver, eventually

DAY = 86_400
LATER = 3 * DAY


class Hooks:
    """An endpoint of the marketplace: every event it received, its signature verified by the official SDK."""

    def __init__(self, receiver, document):
        self.receiver = receiver
        self.id = document["id"]
        self.secret = document["secrets"][0]

    def read(self, call):
        return stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], self.secret)

    def events(self, count):
        calls = eventually(lambda: self.receiver.calls[:] if len(self.receiver.calls) >= count else None)
        return [self.read(call) for call in calls]

    def event(self, kind):
        """Wait for the first event of a type."""

        def find():
            return [event for event in map(self.read, self.receiver.calls[:]) if event.type == kind]

        return eventually(find)[0]

    def kinds(self, count):
        return [event.type for event in self.events(count)]


class Shop:
    """The marketplace at its gateway: the official SDK, the control calls, and the clock."""

    def __init__(self, simulator, http, client):
        self.simulator = simulator
        self.http = http
        self.client = client

    def session(self, amount=2000, currency="usd", options=None, **changes):
        price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Blue mug"}}
        params = {
            "mode": "payment",
            "success_url": "http://127.0.0.1:1/thanks?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:1/basket",
            "line_items": [{"quantity": 1, "price_data": price}],
            **changes,
        }
        return self.client.v1.checkout.sessions.create(params, options or {})

    def read_session(self, session):
        return self.client.v1.checkout.sessions.retrieve(session.id)

    def control(self, path, document=None, status=200):
        answer = self.http.post(f"/_sim/stripe{path}", json=document or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def pay(self, session, **how):
        return self.control(f"/sessions/{session.id}/pay", how)

    def paid_charge(self, amount=2000, currency="usd", card="pm_card_visa", **changes):
        """Return the charge of a PaymentIntent that succeeded."""
        params = {"amount": amount, "currency": currency, "payment_method": card, "confirm": True, **changes}
        intent = self.client.v1.payment_intents.create({**params, "expand": ["latest_charge"]})
        assert intent.status == "succeeded"
        return intent.latest_charge

    def seller(self, state="active"):
        """Return a connected account, onboarded unless told otherwise."""
        account = self.client.v1.accounts.create({"type": "express", "country": "US", "email": "seller@example.com"})
        if state != "new":
            self.control(f"/accounts/{account.id}/{state}")
        return self.client.v1.accounts.retrieve(account.id)

    def choose(self, operation, script, **more):
        document = {"face": "stripe", "operation": operation, "script": script, **more}
        self.http.post("/_sim/scripts", json=document).raise_for_status()

    def hooks(self, receiver, **document):
        return Hooks(receiver, self.control("/endpoints", {"url": receiver.url, **document}))

    def pass_time(self, seconds):
        self.simulator.world.shift_clock(seconds)

    def everything_due(self):
        """Return once a timer set now has run: whatever was due before it has been started."""
        reached = threading.Event()
        self.simulator.world.timers.after(0.05, reached.set)
        assert reached.wait(10)

    def objects(self, kind):
        return self.http.get(f"/_sim/stripe/objects/{kind}").json()["items"]

    def available(self, currency="usd", account=None):
        options = {"stripe_account": account} if account else {}
        return self._sum("available", currency, options)

    def pending(self, currency="usd", account=None):
        options = {"stripe_account": account} if account else {}
        return self._sum("pending", currency, options)

    def _sum(self, part, currency, options):
        balance = self.client.v1.balance.retrieve({}, options)
        return sum(line.amount for line in balance[part] if line.currency == currency)


@pytest.fixture
def make_client(simulator):
    """Return a function that makes official clients; they are closed afterwards."""
    opened = []

    def make(key=SECRET_KEY, timeout=10, **options):
        requests = stripe.RequestsClient(timeout=timeout)
        opened.append(requests)
        base = {"api": simulator.stripe_url}
        return stripe.StripeClient(
            key, base_addresses=base, stripe_version=API_VERSION, http_client=requests, **options
        )

    yield make
    for requests in opened:
        requests.close()


@pytest.fixture
def client(make_client):
    return make_client()


@pytest.fixture
def shop(simulator, http, client):
    return Shop(simulator, http, client)


@pytest.fixture
def hooks(shop, receiver):
    return shop.hooks(receiver)


@pytest.fixture
def connect_receiver():
    with CallbackReceiver() as listening:
        yield listening
