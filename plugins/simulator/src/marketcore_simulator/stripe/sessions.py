"""What a Checkout Session may be made of, and its shape before anything has happened to it."""

from urllib.parse import urlsplit

from marketcore_simulator.stripe.accepted import SESSION, SESSION_UNSUPPORTED
from marketcore_simulator.stripe.currencies import check_unit, read_currency
from marketcore_simulator.stripe.errors import StripeError, missing
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document

#: How long after its creation a session may expire, in seconds.
SHORTEST, LONGEST = 30 * 60, 24 * 3600

_MOST_LINES = 100
_CLOCK_SKEW = 60


def check_supported(params: Params) -> None:
    """Refuse unknown parameters, modes and features the simulator does not follow, and missing addresses."""
    params.only(SESSION)
    if params.choice("mode", ("payment", "setup", "subscription")) != "payment":
        raise StripeError("mode must be payment: the simulator has no other.", None, "mode")
    for name in SESSION_UNSUPPORTED:
        if name in params:
            raise StripeError(f"{name} changes what is charged, which the simulator does not compute.", None, name)
    if "success_url" not in params:
        raise missing("success_url")
    for name in ("success_url", "cancel_url"):
        _check_url(params.text(name), name)


def _check_url(url: str | None, param: str) -> None:
    if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc):
        raise StripeError("Not a valid URL", "url_invalid", param)


def read_expiry(params: Params, now: int) -> int:
    """Return when the session expires, in Unix seconds; 24 hours from now unless asked otherwise."""
    expires_at = params.integer("expires_at")
    if expires_at is None:
        return now + LONGEST
    if expires_at < now + SHORTEST - _CLOCK_SKEW:
        raise StripeError(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", None, "expires_at"
        )
    if expires_at > now + LONGEST + _CLOCK_SKEW:
        raise StripeError(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", None, "expires_at"
        )
    return expires_at


def read_lines(params: Params) -> list[Document]:
    """Return the line items, all of one currency; each needs price_data."""
    groups = params.groups("line_items")
    if not groups:
        raise missing("line_items")
    if len(groups) > _MOST_LINES:
        raise StripeError(f"line_items can have at most {_MOST_LINES} items.", None, "line_items")
    lines = [_line(group) for group in groups]
    if len({line["currency"] for line in lines}) > 1:
        raise StripeError("All line items must have the same currency.", None, "line_items")
    return lines


def _line(group: Params) -> Document:
    price = group.group("price_data")
    if "price" in group:
        raise StripeError(f"No such price: '{group.text('price')}'", "resource_missing", group.name("price"))
    currency = read_currency(price.required_text("currency"), price.name("currency"))
    unit, quantity = price.required_integer("unit_amount"), group.required_integer("quantity")
    if unit < 0 or quantity < 1:
        raise StripeError("unit_amount must be 0 or more and quantity 1 or more.", None, group.name("quantity"))
    check_unit(unit, currency, price.name("unit_amount"))
    product = price.group("product_data")
    total = unit * quantity
    return {
        "id": "",
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": currency,
        "description": product.required_text("name"),
        "price": {"object": "price", "currency": currency, "type": "one_time", "unit_amount": unit},
        "quantity": quantity,
    }


def customer_details(email: str | None) -> Document:
    """Return what the page learnt about the customer."""
    return {"address": None, "email": email, "name": None, "phone": None, "tax_exempt": "none", "tax_ids": None}


def blank_session(session_id: str, params: Params, now: int) -> Document:
    """Return an open session with everything taken over from the parameters, without amounts and address."""
    email = params.text("customer_email")
    return {
        "id": session_id,
        "object": "checkout.session",
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.text("billing_address_collection"),
        "cancel_url": params.text("cancel_url"),
        "client_reference_id": params.text("client_reference_id", longest=200),
        "client_secret": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": None,
        "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None},
        "customer": params.text("customer"),
        "customer_creation": params.text("customer_creation", "if_required"),
        "customer_details": customer_details(email) if email else None,
        "customer_email": email,
        "expires_at": now,
        "invoice": None,
        "livemode": False,
        "locale": params.text("locale"),
        "metadata": params.metadata(),
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.text("submit_type"),
        "subscription": None,
        "success_url": params.text("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
    }
