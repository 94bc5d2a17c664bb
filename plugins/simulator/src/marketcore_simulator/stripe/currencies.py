"""What each currency asks of an amount in the API's units. Pure."""

from marketcore_simulator.stripe.errors import StripeError

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())

#: Without decimals in life, sent a hundredfold: the last two digits are always 00.
SENT_HUNDREDFOLD = frozenset({"ugx", "isk"})

#: Two decimals to charge, paid out in whole units.
WHOLE_PAYOUTS = frozenset({"huf", "twd"})

_TWO_DECIMAL = frozenset(
    """aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop
    crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr
    kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk
    php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu
    uzs wst xcd yer zar zmw""".split()
)
SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | SENT_HUNDREDFOLD | _TWO_DECIMAL

#: About half a US dollar, in the API's units. The gateway's own table was not to be had.
_MINIMUM = {
    "aed": 200, "czk": 1500, "dkk": 250, "gbp": 30, "hkd": 400, "huf": 17_500, "idr": 800_000, "kes": 6500,
    "mxn": 1000, "myr": 200, "ngn": 80_000, "nok": 300, "pln": 200, "ron": 200, "rwf": 700, "sek": 300,
    "thb": 1000, "tzs": 130_000, "ugx": 180_000, "zar": 900, "krw": 700, "vnd": 13_000, "clp": 500,
    "bhd": 200, "jod": 360, "kwd": 160, "omr": 200, "tnd": 1600,
}  # fmt: skip
_LARGEST = 99_999_999


def exponent(currency: str) -> int:
    """Return how many decimals the API's units have."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def minimum(currency: str) -> int:
    """Return the smallest charge."""
    return _MINIMUM.get(currency, 50)


def written(amount: int, currency: str) -> str:
    """Return an amount as people write it, as in 10.50 USD."""
    places = exponent(currency)
    whole, rest = divmod(abs(amount), 10**places)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}{f'.{rest:0{places}}' if places else ''} {currency.upper()}"


def read_currency(value: str, param: str = "currency") -> str:
    """Return the currency in lower case; refuse one that is not supported."""
    if value.lower() not in SUPPORTED:
        raise StripeError(f"Invalid currency: {value.lower()}.", None, param)
    return value.lower()


def check_unit(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount the currency cannot express."""
    if currency in SENT_HUNDREDFOLD and amount % 100:
        raise StripeError(
            f"Invalid amount: {currency} has no decimals, so {amount} must be divisible by 100.",
            "invalid_charge_amount",
            param,
        )
    if currency in THREE_DECIMAL and amount % 10:
        raise StripeError(
            f"Invalid amount: the last digit of {amount} {currency} must be 0.", "invalid_charge_amount", param
        )


def check_charge(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount that cannot be charged: wrong unit, below the minimum, above eight digits."""
    check_unit(amount, currency, param)
    if amount < minimum(currency):
        least = written(minimum(currency), currency)
        raise StripeError(f"Amount must be at least {least}", "amount_too_small", param)
    if amount > _LARGEST:
        most = written(_LARGEST, currency)
        raise StripeError(f"Amount must be no more than {most}", "amount_too_large", param)


def check_payout(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount that cannot be paid out."""
    check_unit(amount, currency, param)
    if currency in WHOLE_PAYOUTS and amount % 100:
        raise StripeError(
            f"Invalid amount: payouts in {currency} are in whole units, so {amount} must be divisible by 100.",
            "invalid_charge_amount",
            param,
        )
