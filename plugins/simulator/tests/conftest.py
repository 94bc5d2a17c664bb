import httpx
import pytest

from marketcore_simulator.daraja.credentials import (
    B2C_SHORTCODE,
    CONSUMER_KEY,
    CONSUMER_SECRET,
    INITIATOR_NAME,
    SECURITY_CREDENTIAL,
    SHORTCODE,
)
from marketcore_simulator.daraja.rules import password
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.testing import CallbackReceiver


@pytest.fixture
def simulator():
    with SimulatorServer(seed=7) as server:
        quick = {"approve_after": 0.02, "cancel_after": 0.02, "no_response_after": 0.02, "callback_after": 0}
        server.world.settings.update({**quick, "query_noise_percent": 0, "result_after": 0.02})
        yield server


@pytest.fixture
def http(simulator):
    with httpx.Client(base_url=simulator.url, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def receiver():
    with CallbackReceiver() as listening:
        yield listening


class Merchant:
    """The demonstration merchant calling Daraja by hand, with every field open to change."""

    def __init__(self, http):
        self._http = http
        self.token = self.fetch_token().json()["access_token"]

    def fetch_token(self, key=CONSUMER_KEY, secret=CONSUMER_SECRET, grant="client_credentials"):
        return self._http.get("/daraja/oauth/v1/generate", params={"grant_type": grant}, auth=(key, secret))

    def post(self, path, document, token=None):
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self._http.post(f"/daraja{path}", json=document, headers=headers)

    def push(self, **changes):
        document = {**push_document(), **changes}
        kept = {name: value for name, value in document.items() if value is not MISSING}
        return self.post("/mpesa/stkpush/v1/processrequest", kept)

    def query(self, checkout_request_id, **changes):
        document = {**signature(), "CheckoutRequestID": checkout_request_id, **changes}
        return self.post("/mpesa/stkpushquery/v1/query", document)


MISSING = object()


def signature():
    timestamp = "20260302013000"
    return {"BusinessShortCode": 174379, "Password": password(SHORTCODE, timestamp), "Timestamp": timestamp}


def push_document():
    return {
        **signature(),
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 100,
        "PartyA": "254712345678",
        "PartyB": SHORTCODE,
        "PhoneNumber": "254712345678",
        "CallBackURL": "https://shop.example/pay/cb/0a1b",
        "AccountReference": "ORD-1",
        "TransactionDesc": "Order 1",
    }


@pytest.fixture
def merchant(http):
    return Merchant(http)


@pytest.fixture
def missing():
    return MISSING


@pytest.fixture
def pay(merchant, receiver):
    """Ask for a B2C payout, with every field open to change."""

    def send(**changes):
        document = {
            "OriginatorConversationID": "payout-1",
            "InitiatorName": INITIATOR_NAME,
            "SecurityCredential": SECURITY_CREDENTIAL,
            "CommandID": "BusinessPayment",
            "Amount": 500,
            "PartyA": B2C_SHORTCODE,
            "PartyB": "254712345678",
            "Remarks": "Sales of May",
            "ResultURL": f"{receiver.url}/result",
            "QueueTimeOutURL": f"{receiver.url}/timeout",
            "Occassion": "",
        }
        return merchant.post("/mpesa/b2c/v3/paymentrequest", {**document, **changes})

    return send
