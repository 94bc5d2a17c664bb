"""What a person or a test may change about the simulator while it runs."""

import dataclasses
from collections.abc import Mapping

_ACCEPTED: Mapping[object, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float)}


@dataclasses.dataclass
class Settings:
    """Delays in seconds of simulated time, limits, and switches."""

    approve_after: float = 3
    cancel_after: float = 3
    no_response_after: float = 5
    late_after: float = 90
    callback_after: float = 1
    prompt_expires_after: float = 120
    token_seconds: int = 3599
    repeat_window: float = 120
    one_prompt_per_phone: bool = True
    query_noise_percent: int = 20
    max_amount: int = 250_000
    delivery_timeout: float = 10
    result_after: float = 2
    partial_reversals: bool = False
    c2b_validation: bool = False
    c2b_register_once: bool = False
    pull_page: int = 100
    razorpay_auto_capture: bool = True
    razorpay_webhook_after: float = 0.2
    razorpay_settles_after: float = 2
    razorpay_fee_basis_points: int = 200
    stripe_settles_after: float = 5
    stripe_available_after: float = 172_800
    stripe_link_seconds: int = 300
    stripe_fee_basis_points: int = 290
    stripe_fee_fixed: int = 30

    def as_document(self) -> dict[str, object]:
        """Return the settings as JSON members."""
        return dataclasses.asdict(self)

    def update(self, changes: Mapping[str, object]) -> None:
        """Apply all `changes` or none; raise ValueError naming the one that is misspelt or unfit."""
        for name, value in changes.items():
            self._check(name, value)
        for name, value in changes.items():
            setattr(self, name, value)

    def reset(self) -> None:
        """Return to the defaults."""
        self.update(Settings().as_document())

    def _check(self, name: str, value: object) -> None:
        kinds: dict[str, object] = {field.name: field.type for field in dataclasses.fields(self)}
        if name not in kinds:
            raise ValueError(f"there is no setting {name!r}; the settings are {', '.join(sorted(kinds))}")
        accepted = _ACCEPTED[kinds[name]]
        if not (isinstance(value, (int, float)) and type(value) in accepted and value >= 0):
            raise ValueError(f"{name} = {value!r} is not a {accepted[-1].__name__} of 0 or more")
