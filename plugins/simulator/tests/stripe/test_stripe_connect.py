from urllib.parse import urlsplit

import pytest
import stripe
from bs4 import BeautifulSoup

from marketcore_simulator.testing import eventually

LATER = 3 * 86_400

#: gateways.md 2.4 [SA; run]: the bodies new platforms are told to send.
V2_ACCOUNT = {
    "contact_email": "seller@example.com",
    "dashboard": "express",
    "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
    "identity": {"country": "us"},
    "configuration": {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}},
    "include": ["configuration.recipient", "requirements", "identity"],
}


def v2_link(account):
    addresses = {"refresh_url": "http://127.0.0.1:1/again", "return_url": "http://127.0.0.1:1/done"}
    onboarding = {"configurations": ["recipient"], **addresses}
    return {"account": account.id, "use_case": {"type": "account_onboarding", "account_onboarding": onboarding}}


def transfers_status(account):
    return account.configuration.recipient.capabilities.stripe_balance.stripe_transfers.status


def read_v2(shop, account):
    include = {"include": ["configuration.recipient", "requirements"]}
    return shop.client.v2.core.accounts.retrieve(account.id, include)


# Accounts and onboarding


def test_a_new_v1_account_can_do_nothing_yet(shop):
    account = shop.seller("new")
    assert account.id.startswith("acct_")
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (False, False, False)
    assert account.capabilities.transfers == "inactive"
    assert "external_account" in account.requirements.currently_due
    assert account.requirements.disabled_reason == "requirements.past_due"


def test_a_v1_account_is_updated_and_only_express_is_opened(shop):
    account = shop.seller("new")
    changed = shop.client.v1.accounts.update(account.id, {"metadata": {"seller": "9"}, "email": "b@example.com"})
    assert (changed.metadata.seller, changed.email) == ("9", "b@example.com")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.accounts.create({"type": "custom"})
    assert refused.value.param == "type"


@pytest.mark.parametrize(
    ("state", "enabled", "capability", "v2"),
    [
        ("active", True, "active", "active"),
        ("pending", False, "pending", "pending"),
        ("restricted", False, "inactive", "restricted"),
    ],
)
def test_onboarding_ends_in_a_state_both_apis_show(shop, state, enabled, capability, v2):
    account = shop.seller(state)
    assert (account.payouts_enabled, account.charges_enabled) == (enabled, enabled)
    assert account.details_submitted
    assert account.capabilities.transfers == capability
    assert transfers_status(read_v2(shop, account)) == v2


def test_a_v2_account_shows_what_was_asked_to_be_included(shop):
    account = shop.client.v2.core.accounts.create(V2_ACCOUNT)
    assert account.applied_configurations == ["recipient"]
    assert transfers_status(account) == "restricted"
    assert account.identity.country == "us"
    assert account.requirements.entries[0].awaiting_action_from == "user"
    bare = shop.client.v2.core.accounts.retrieve(account.id)
    assert (bare.configuration, bare.identity, bare.requirements) == (None, None, None)
    assert bare.contact_email == "seller@example.com"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"contact_email": None}, "parameter_missing"),
        ({"identity": {}}, "parameter_missing"),
        ({"colour": "red"}, "parameter_unknown"),
    ],
)
def test_a_v2_account_needs_its_members(shop, change, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v2.core.accounts.create({**V2_ACCOUNT, **change})
    assert refused.value.code == code


def test_onboarding_by_v2_flips_the_capability_on_the_page(shop, http):
    account = shop.client.v2.core.accounts.create(V2_ACCOUNT)
    link = shop.client.v2.core.account_links.create(v2_link(account))
    assert link.url.startswith(f"{shop.simulator.stripe_url}/onboarding/")
    assert link.expires_at > link.created
    page = BeautifulSoup(http.get(link.url).text, "html.parser")
    assert "SIMULATED PAYMENTS" in page.find(class_="banner").get_text()
    assert account.id in page.get_text()
    button = page.find("button", value="active")
    answer = http.post(link.url, data={button["name"]: button["value"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1:1/done")
    assert transfers_status(read_v2(shop, account)) == "active"
    assert read_v2(shop, account).requirements.entries == []


def v1_link(shop, account):
    params = {"account": account.id, "type": "account_onboarding"}
    addresses = {"refresh_url": "http://127.0.0.1:1/again", "return_url": "http://127.0.0.1:1/done"}
    return shop.client.v1.account_links.create({**params, **addresses})


def test_a_link_opens_once_and_expires_in_minutes(shop, http):
    account = shop.seller("new")
    used, late = v1_link(shop, account), v1_link(shop, account)
    assert used.expires_at - used.created == 300
    assert http.get(used.url).status_code == 200
    assert http.get(used.url).headers["location"] == "http://127.0.0.1:1/again"
    shop.pass_time(301)
    assert http.get(late.url).headers["location"] == "http://127.0.0.1:1/again"
    assert http.get(f"{shop.simulator.stripe_url}/onboarding/NONE").status_code == 404


def test_coming_back_from_onboarding_does_not_mean_complete(shop, http):
    account = shop.seller("new")
    link = v1_link(shop, account)
    assert http.post(link.url, data={"state": "active"}).headers["location"] == "http://127.0.0.1:1/again"
    http.get(link.url)
    assert http.post(link.url, data={"state": ""}).headers["location"] == "http://127.0.0.1:1/done"
    assert not shop.client.v1.accounts.retrieve(account.id).details_submitted
    assert http.post(link.url, data={"state": "active"}).headers["location"] == "http://127.0.0.1:1/again"
    assert not shop.client.v1.accounts.retrieve(account.id).payouts_enabled


@pytest.mark.parametrize(
    "change", [{"type": "party"}, {"return_url": "done"}, {"refresh_url": ""}, {"account": "acct_no"}]
)
def test_a_link_needs_a_kind_an_account_and_addresses(shop, change):
    account = shop.seller("new")
    params = {"account": account.id, "type": "account_onboarding", "refresh_url": "http://a", "return_url": "http://b"}
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.account_links.create({**params, **change})


def test_an_account_restricted_after_onboarding_is_told_of_and_receives_nothing(shop, connect_receiver):
    hooks = shop.hooks(connect_receiver, connect=True)
    seller = shop.seller()
    hooks.event("account.updated")
    shop.control(f"/accounts/{seller.id}/restricted")

    def restricted():
        told = [hooks.read(call) for call in connect_receiver.calls]
        return [event for event in told if event.type == "account.updated" and not event.data.object.payouts_enabled]

    event = eventually(restricted)[0]
    assert event.account == seller.id
    assert event.data.object.requirements.disabled_reason == "requirements.past_due"
    assert event.data.previous_attributes.payouts_enabled is True
    charge = shop.paid_charge()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        transfer(shop, seller, 100, source_transaction=charge.id)
    assert refused.value.code == "insufficient_capabilities_for_transfer"


# Transfers


def transfer(shop, seller, amount, **changes):
    params = {"amount": amount, "currency": "usd", "destination": seller.id, **changes}
    return shop.client.v1.transfers.create(params)


def test_a_transfer_out_of_one_charge_needs_no_available_balance(shop, hooks):
    seller, charge = shop.seller(), shop.paid_charge(10_000, transfer_group="order-7")
    moved = transfer(shop, seller, 9000, source_transaction=charge.id, metadata={"order": "7"})
    assert (moved.amount, moved.destination, moved.transfer_group) == (9000, seller.id, "order-7")
    assert hooks.event("transfer.created").data.object.metadata.order == "7"
    assert shop.pending(account=seller.id) == 9000
    assert shop.pending() == 10_000 - 320 - 9000
    shop.pass_time(LATER)
    assert shop.available(account=seller.id) == 9000
    listed = shop.client.v1.transfers.list({"transfer_group": "order-7"})
    assert [one.id for one in listed.data] == [moved.id]


def test_transfers_out_of_one_charge_do_not_exceed_it(shop):
    charge = shop.paid_charge(10_000)
    first, second = shop.seller(), shop.seller()
    transfer(shop, first, 6000, source_transaction=charge.id)
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed the source amount"):
        transfer(shop, second, 4001, source_transaction=charge.id)
    assert transfer(shop, second, 4000, source_transaction=charge.id).amount == 4000
    with pytest.raises(stripe.InvalidRequestError, match="same as the transfer currency"):
        transfer(shop, first, 10, source_transaction=charge.id, currency="eur")


def test_a_plain_transfer_comes_out_of_the_available_balance(shop):
    seller = shop.seller()
    shop.paid_charge(10_000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        transfer(shop, seller, 5000)
    assert refused.value.code == "balance_insufficient"
    shop.pass_time(LATER)
    assert transfer(shop, seller, 5000).amount == 5000
    assert (shop.available(), shop.available(account=seller.id)) == (4680, 5000)


def test_a_script_finds_the_balance_insufficient(shop):
    seller = shop.seller()
    shop.control("/balance", {"amount": 10_000, "currency": "usd"})
    shop.choose("transfers.create", "insufficient")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        transfer(shop, seller, 5000)
    assert refused.value.code == "balance_insufficient"
    assert transfer(shop, seller, 5000).amount == 5000


def test_a_transfer_is_reversed_in_parts_and_not_beyond(shop, hooks):
    seller, charge = shop.seller(), shop.paid_charge(10_000)
    moved = transfer(shop, seller, 9000, source_transaction=charge.id)
    reversals = shop.client.v1.transfers.reversals
    first = reversals.create(moved.id, {"amount": 4000, "metadata": {"refund": "3"}})
    assert (first.amount, first.transfer, first.metadata.refund) == (4000, moved.id, "3")
    told = hooks.event("transfer.reversed").data.object
    assert (told.amount_reversed, told.reversed) == (4000, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed"):
        reversals.create(moved.id, {"amount": 5001})
    reversals.create(moved.id)
    found = shop.client.v1.transfers.retrieve(moved.id)
    assert (found.amount_reversed, found.reversed, found.reversals.total_count) == (9000, True, 2)
    assert reversals.retrieve(moved.id, first.id).amount == 4000
    assert len(reversals.list(moved.id).data) == 2
    assert shop.pending(account=seller.id) + shop.available(account=seller.id) == 0


def test_a_reversal_needs_the_money_to_be_there_still(shop):
    seller, charge = shop.seller(), shop.paid_charge(10_000)
    moved = transfer(shop, seller, 9000, source_transaction=charge.id)
    shop.pass_time(LATER)
    payout(shop, seller, 8000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.transfers.reversals.create(moved.id, {"amount": 2000})
    assert refused.value.code == "balance_insufficient"
    assert shop.client.v1.transfers.reversals.create(moved.id, {"amount": 1000}).amount == 1000


def test_a_destination_charge_passes_on_all_but_the_fee(shop, hooks):
    seller = shop.seller()
    charge = shop.paid_charge(10_000, transfer_data={"destination": seller.id}, application_fee_amount=1500)
    moved = shop.client.v1.transfers.retrieve(charge.transfer)
    assert (moved.amount, moved.source_transaction, moved.destination) == (10_000, charge.id, seller.id)
    assert shop.pending(account=seller.id) == 8500
    assert shop.pending() == 10_000 - 320 - 10_000 + 1500
    fee = shop.client.v1.application_fees.retrieve(charge.application_fee)
    assert (fee.amount, fee.account, fee.originating_transaction) == (1500, seller.id, charge.id)
    assert hooks.event("application_fee.created").data.object.id == fee.id


@pytest.mark.parametrize(("amount", "seller_left", "fee_back"), [(10_000, 0, 1500), (5000, 4250, 750)])
def test_a_refund_may_take_back_the_transfer_and_the_fee_in_proportion(shop, amount, seller_left, fee_back):
    seller = shop.seller()
    charge = shop.paid_charge(10_000, transfer_data={"destination": seller.id}, application_fee_amount=1500)
    shop.control("/balance", {"amount": 5000, "currency": "usd", "account": seller.id})
    params = {"payment_intent": charge.payment_intent, "amount": amount}
    refund = shop.client.v1.refunds.create({**params, "reverse_transfer": True, "refund_application_fee": True})
    assert refund.transfer_reversal.startswith("trr_")
    assert shop.client.v1.transfers.retrieve(charge.transfer).amount_reversed == amount
    assert shop.client.v1.application_fees.retrieve(charge.application_fee).amount_refunded == fee_back
    assert shop.pending(account=seller.id) + shop.available(account=seller.id) == seller_left + 5000


@pytest.mark.parametrize("flag", ["reverse_transfer", "refund_application_fee"])
def test_a_plain_charge_has_no_transfer_and_no_fee_to_take_back(shop, flag):
    charge = shop.paid_charge()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.refunds.create({"charge": charge.id, flag: True})
    assert refused.value.param == flag
    assert shop.objects("refund") == []


def test_a_refund_that_is_refused_takes_nothing_back(shop):
    seller = shop.seller()
    charge = shop.paid_charge(10_000, transfer_data={"destination": seller.id})
    params = {"charge": charge.id, "reverse_transfer": True, "refund_application_fee": True}
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.refunds.create(params)
    assert shop.client.v1.transfers.retrieve(charge.transfer).amount_reversed == 0


def test_a_reversal_may_refund_the_fee_in_proportion(shop):
    seller = shop.seller()
    charge = shop.paid_charge(10_000, transfer_data={"destination": seller.id}, application_fee_amount=1500)
    params = {"amount": 2000, "refund_application_fee": True}
    shop.client.v1.transfers.reversals.create(charge.transfer, params)
    fee = shop.client.v1.application_fees.retrieve(charge.application_fee)
    assert (fee.amount_refunded, [refund.amount for refund in fee.refunds.data]) == (300, [300])


def test_a_fee_needs_a_destination_and_stays_within_the_amount(shop):
    seller = shop.seller()
    intents = shop.client.v1.payment_intents
    with pytest.raises(stripe.InvalidRequestError, match="application_fee_amount"):
        intents.create({"amount": 1000, "currency": "usd", "application_fee_amount": 100})
    params = {"amount": 1000, "currency": "usd", "transfer_data": {"destination": seller.id}}
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed"):
        intents.create({**params, "application_fee_amount": 1001})


# Payouts


def payout(shop, seller, amount, **changes):
    params = {"amount": amount, "currency": "usd", **changes}
    return shop.client.v1.payouts.create(params, {"stripe_account": seller.id})


def test_a_payout_of_a_connected_account_is_paid_and_told_to_its_endpoint(shop, receiver, connect_receiver):
    platform, connect = shop.hooks(receiver), shop.hooks(connect_receiver, connect=True)
    seller = shop.seller()
    shop.control("/balance", {"amount": 5000, "currency": "usd", "account": seller.id})
    made = payout(shop, seller, 3000, metadata={"withdrawal": "4"})
    assert (made.status, made.amount) == ("pending", 3000)
    assert shop.available(account=seller.id) == 2000
    shop.pass_time(6)
    event = connect.event("payout.paid")
    assert (event.account, event.data.object.metadata.withdrawal) == (seller.id, "4")
    assert shop.client.v1.payouts.retrieve(made.id, {}, {"stripe_account": seller.id}).status == "paid"
    assert platform.receiver.calls == []


def test_the_platform_pays_out_its_own_balance(shop, hooks):
    shop.control("/balance", {"amount": 5000, "currency": "usd"})
    made = shop.client.v1.payouts.create({"amount": 5000, "currency": "usd"})
    shop.pass_time(6)
    assert hooks.event("payout.paid").data.object.id == made.id
    movements = shop.client.v1.balance_transactions.list({"type": "payout"})
    assert [movement.amount for movement in movements.data] == [-5000]


def test_a_payout_that_fails_returns_the_money_even_after_it_was_paid(shop, hooks):
    shop.control("/balance", {"amount": 5000, "currency": "usd"})
    shop.choose("payouts.create", "pending_then_failed")
    scripted = shop.client.v1.payouts.create({"amount": 5000, "currency": "usd"})
    shop.pass_time(6)
    failed = hooks.event("payout.failed").data.object
    assert (failed.id, failed.failure_code) == (scripted.id, "account_closed")
    late = shop.client.v1.payouts.create({"amount": 5000, "currency": "usd"})
    shop.pass_time(6)
    hooks.event("payout.paid")
    assert shop.control(f"/payouts/{late.id}/fail", {"code": "could_not_process"})["status"] == "failed"
    shop.control(f"/payouts/{late.id}/fail", status=409)
    assert shop.available() == 5000


def test_a_pending_payout_is_cancelled_once(shop, hooks):
    shop.control("/balance", {"amount": 5000, "currency": "usd"})
    made = shop.client.v1.payouts.create({"amount": 5000, "currency": "usd"})
    assert shop.client.v1.payouts.cancel(made.id).status == "canceled"
    hooks.event("payout.canceled")
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.payouts.cancel(made.id)
    shop.pass_time(6)
    shop.everything_due()
    assert shop.client.v1.payouts.retrieve(made.id).status == "canceled"


@pytest.mark.parametrize(
    ("amount", "currency", "code"), [(5001, "usd", "balance_insufficient"), (1050, "huf", "invalid_charge_amount")]
)
def test_a_payout_the_balance_or_the_currency_does_not_allow_is_refused(shop, amount, currency, code):
    shop.control("/balance", {"amount": 5000, "currency": currency})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.payouts.create({"amount": amount, "currency": currency})
    assert refused.value.code == code


def test_a_seller_who_is_not_onboarded_gets_no_payouts(shop):
    seller = shop.seller("pending")
    shop.control("/balance", {"amount": 5000, "currency": "usd", "account": seller.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        payout(shop, seller, 1000)
    assert refused.value.code == "payouts_not_allowed"


# Thin events


def test_a_v2_account_s_changes_arrive_as_thin_events(shop, connect_receiver):
    document = shop.control("/endpoints", {"url": connect_receiver.url, "thin": True})
    account = shop.client.v2.core.accounts.create(V2_ACCOUNT)
    shop.control(f"/accounts/{account.id}/active")
    # gateways.md 2.4 [run]: the name of the event; construct_event raises ValueError on thin events
    name = "v2.core.account[configuration.recipient].capability_status_updated"

    def told():
        calls = connect_receiver.calls[:]
        parse, secret = shop.client.parse_event_notification, document["secrets"][0]
        return [parse(call.body, call.headers["stripe-signature"], secret) for call in calls]

    notice = eventually(lambda: [one for one in told() if one.type == name])[0]
    assert notice.related_object.id == account.id
    assert b'"data"' not in connect_receiver.calls[-1].body
    assert notice.fetch_related_object().id == account.id
    event = notice.fetch_event()
    assert event.data.updated_capability == "stripe_balance.stripe_transfers"
    assert event.changes.after["status"] == "active"
    kinds = {one.type for one in shop.client.v2.core.events.list({"object_id": account.id}).data}
    assert kinds == {"v2.core.account.created", name, "v2.core.account[requirements].updated"}
    call = connect_receiver.calls[0]
    with pytest.raises(ValueError, match="thin event"):
        stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], document["secrets"][0])


def test_addresses_of_links_are_on_the_simulator(shop):
    link = v1_link(shop, shop.seller("new"))
    assert urlsplit(link.url).netloc == urlsplit(shop.simulator.url).netloc
