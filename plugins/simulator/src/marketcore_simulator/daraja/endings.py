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
