"""Phone numbers that decide for themselves, so that a demonstration needs nobody at the handset."""

from collections.abc import Mapping

#: The last three digits of the phone, and the script its prompts follow.
MAGIC_ENDINGS: Mapping[str, str] = {
    "001": "ok",
    "002": "cancel",
    "003": "no_response",
    "004": "insufficient",
    "005": "wrong_pin",
    "006": "no_callback",
    "007": "dup_callback(3)",
    "008": "late_success",
    "009": "callback_first",
}

#: The same for a phone that is paid by B2C.
PAYOUT_ENDINGS: Mapping[str, str] = {
    "101": "result(2040)",
    "102": "result(1)",
    "103": "no_callback",
    "104": "queue_timeout",
    "105": "dup_callback(2)",
    "106": "late_success",
}
