"""The one merchant the Daraja face knows. Invented values: they open nothing but this simulator."""

CONSUMER_KEY = "demo-consumer-key"
CONSUMER_SECRET = "demo-consumer-secret"  # noqa: S105
SHORTCODE = "174379"
PASSKEY = "demo-passkey-for-the-simulator-only"
B2C_SHORTCODE = "600981"
INITIATOR_NAME = "demo-initiator"
INITIATOR_PASSWORD = "demo-initiator-password"  # noqa: S105
#: Taken wherever a SecurityCredential is asked for, besides the password encrypted for the simulator's certificate.
SECURITY_CREDENTIAL = "demo-security-credential"
