"""The one platform the Stripe face knows. Invented values: they open nothing but this simulator."""

#: Any secret key that begins so is accepted.
KEY_PREFIX = "sk_test_sim"
SECRET_KEY = "sk_test_sim_demo"  # noqa: S105

#: The version written into every event, whatever version a request asks for.
API_VERSION = "2026-10-28.endive"
