"""What the tests of the client send, and how they direct the simulated gateway."""

import httpx

from marketcore_payments_mpesa.client import (
    DarajaClient,
)
from marketcore_simulator.daraja.credentials import CONSUMER_KEY, CONSUMER_SECRET, PASSKEY, SHORTCODE

QUICK = {
    "approve_after": 0.02,
    "cancel_after": 0.02,
    "no_response_after": 0.02,
    "callback_after": 0,
    "query_noise_percent": 0,
}
WAITING_PHONE = "0712345678"
ADDRESS = "https://shop.example/pay/cb/0a1b"
TOKEN_ANSWER = {"access_token": "t" * 28, "expires_in": "3599"}
ACCEPTED = {"MerchantRequestID": "m", "CheckoutRequestID": "c", "ResponseCode": "0"}


def make_client(base_url, **options):
    return DarajaClient(base_url, CONSUMER_KEY, CONSUMER_SECRET, SHORTCODE, PASSKEY, **options)


def push(client, phone=WAITING_PHONE, amount=100, callback_url=ADDRESS, reference="ORD-1"):
    return client.stk_push(amount, phone, reference, "Order 1", callback_url)


def prompts(simulator):
    return simulator.app.daraja.desk.prompts.all()


def requests_to(simulator, path):
    return [event for event in simulator.world.log.select("daraja", "request") if path in event.summary]


def scripted(simulator, script, operation="push"):
    simulator.world.scripts.queue("daraja", operation, script)


def answering(push_answer, token_answer=None):
    """A client whose gateway gives one prepared answer to every push or query."""

    def handle(request):
        if request.url.path.endswith("/oauth/v1/generate"):
            return token_answer or httpx.Response(200, json=TOKEN_ANSWER)
        return push_answer(request) if callable(push_answer) else push_answer

    return make_client("http://127.0.0.1:9", transport=httpx.MockTransport(handle))


def gateway_error(code, message="refused", status=None):
    status = status or int(code[:3])
    return httpx.Response(status, json={"requestId": "r", "errorCode": code, "errorMessage": message})
