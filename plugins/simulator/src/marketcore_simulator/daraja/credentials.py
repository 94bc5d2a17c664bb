"""The one merchant the Daraja face knows. Invented values: they open nothing but this simulator."""

CONSUMER_KEY = "demo-consumer-key"
CONSUMER_SECRET = "demo-consumer-secret"  # noqa: S105
SHORTCODE = "174379"
PASSKEY = "demo-passkey-for-the-simulator-only"
