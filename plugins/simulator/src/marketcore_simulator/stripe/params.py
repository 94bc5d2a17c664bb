"""Reading parameters: text from forms, typed values from JSON, refused the way Stripe refuses them."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from marketcore_simulator.stripe.errors import StripeError, missing

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_LONGEST_TEXT = 5000
_METADATA_KEYS, _METADATA_KEY, _METADATA_VALUE = 50, 40, 500


class Params:
    """The parameters of a request, or one hash within them named by `prefix`."""

    def __init__(self, values: Mapping[str, Any], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) not in (None, "")

    def name(self, name: str) -> str:
        """Return the whole name of a parameter, as in transfer_data[destination]."""
        return f"{self._prefix}[{name}]" if self._prefix else name

    def names(self) -> list[str]:
        """Return the names given."""
        return list(self._values)

    def only(self, names: Collection[str]) -> None:
        """Refuse the first parameter that is none of `names`."""
        for name in self._values:
            if name not in names:
                whole = self.name(name)
                raise StripeError(f"Received unknown parameter: {whole}", "parameter_unknown", whole)

    def raw(self, name: str) -> Any:
        """Return a parameter as it came, None if it did not."""
        return self._values.get(name)

    def text(self, name: str, default: str | None = None, longest: int = _LONGEST_TEXT) -> str | None:
        """Return a text, or `default`."""
        if name not in self:
            return default
        value = self._values[name]
        if not isinstance(value, str):
            raise StripeError(f"Invalid string: {value!r}", None, self.name(name))
        if len(value) > longest:
            raise StripeError(f"Invalid string: must be at most {longest} characters", None, self.name(name))
        return value

    def required_text(self, name: str) -> str:
        """Return a text; refuse the request without it."""
        value = self.text(name)
        if value is None:
            raise missing(self.name(name))
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number, or None."""
        value = self._values.get(name)
        if value in (None, ""):
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or not _INTEGER.fullmatch(value):
            raise StripeError(f"Invalid integer: {value}", "parameter_invalid_integer", self.name(name))
        return int(value)

    def positive(self, name: str) -> int | None:
        """Return a whole number of 1 or more, or None."""
        value = self.integer(name)
        if value is not None and value < 1:
            raise StripeError(
                "This value must be greater than or equal to 1.", "parameter_invalid_integer", self.name(name)
            )
        return value

    def required_integer(self, name: str) -> int:
        """Return a whole number; refuse the request without it."""
        value = self.integer(name)
        if value is None:
            raise missing(self.name(name))
        return value

    def flag(self, name: str) -> bool:
        """Return whether a boolean is given and true."""
        value = self._values.get(name)
        if value in (None, "", False, True):
            return value is True
        if value not in ("true", "false"):
            raise StripeError(f"Invalid boolean: {value}", None, self.name(name))
        return bool(value == "true")

    def choice(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str | None:
        """Return one of `allowed`, or `default`."""
        value = self.text(name, default)
        if value is not None and value not in allowed:
            raise StripeError(f"Invalid {name}: must be one of {', '.join(allowed)}", None, self.name(name))
        return value

    def group(self, name: str) -> "Params":
        """Return a hash, empty if it is not given."""
        value = self._values.get(name)
        if value in (None, "", []):
            value = {}
        return self._item(value, self.name(name))

    def groups(self, name: str) -> list["Params"]:
        """Return an array of hashes."""
        return [self._item(value, f"{self.name(name)}[{place}]") for place, value in enumerate(self.array(name))]

    def array(self, name: str) -> list[Any]:
        """Return an array, empty if it is not given."""
        value = self._values.get(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list):
            raise StripeError("Invalid array", None, self.name(name))
        return value

    def metadata(self) -> dict[str, str]:
        """Return the metadata; at most 50 keys of 40 characters, values of 500."""
        given = self._values.get("metadata")
        if isinstance(given, list):  # keys 0, 1, 2… look like an array in a form
            given = {str(place): value for place, value in enumerate(given)}
        if given in (None, ""):
            return {}
        if not isinstance(given, Mapping) or not all(isinstance(value, str) for value in given.values()):
            raise StripeError("Invalid metadata: must be a hash of strings", None, self.name("metadata"))
        self._check_metadata(given)
        return {name: value for name, value in given.items() if value}

    def _item(self, value: object, whole: str) -> "Params":
        if not isinstance(value, Mapping):
            raise StripeError("Invalid object", None, whole)
        return Params(value, whole)

    def _check_metadata(self, given: Mapping[str, str]) -> None:
        if len(given) > _METADATA_KEYS:
            raise StripeError("Metadata can have up to 50 keys.", None, self.name("metadata"))
        for name, value in given.items():
            if len(name) > _METADATA_KEY or len(value) > _METADATA_VALUE:
                detail = "keys can have up to 40 characters and values up to 500"
                raise StripeError(f"Metadata {detail}: {name[:60]}", None, f"{self.name('metadata')}[{name[:40]}]")
