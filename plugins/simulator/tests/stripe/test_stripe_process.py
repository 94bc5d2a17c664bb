"""The endpoint that is registered by a setting: it hears of everything, signed with the secret it was given."""

import json

import httpx
import pytest
import stripe

from marketcore.settings import check_section
from marketcore_simulator.process import SimulatorSettings, build_server
from marketcore_simulator.testing import eventually

SECRET = "whsec_of_the_setting"


def test_a_told_address_hears_of_the_platform_of_sellers_and_thinly_of_accounts(simulator, shop, receiver):
    simulator.app.stripe.register_webhook(receiver.url, SECRET)
    shop.paid_charge()
    account = shop.client.v1.accounts.create({"type": "express", "country": "US", "email": "seller@example.com"})
    shop.control(f"/accounts/{account.id}/active")
    wanted = {"payment_intent.succeeded", "account.updated", "v2.core.account[requirements].updated"}
    eventually(lambda: wanted <= {json.loads(call.body)["type"] for call in receiver.calls[:]})
    for call in receiver.calls[:]:
        assert stripe.WebhookSignature.verify_header(call.body.decode(), call.headers["stripe-signature"], SECRET, 300)


@pytest.mark.parametrize("told", [True, False])
def test_the_setting_decides_who_is_told(receiver, told):
    given = {"simulator.port": "0", "simulator.stripe_webhook_secret": SECRET}
    given |= {"simulator.stripe_webhook_url": receiver.url} if told else {}
    with build_server(check_section("simulator", SimulatorSettings(), given)) as server:
        endpoints = httpx.get(f"{server.url}/_sim/stripe/endpoints", trust_env=False).json()["items"]
    kinds = [(each["connect"], each["thin"]) for each in endpoints]
    assert kinds == ([(False, False), (True, False), (False, True)] if told else [])
    assert all((each["url"], each["secrets"]) == (receiver.url, [SECRET]) for each in endpoints)
