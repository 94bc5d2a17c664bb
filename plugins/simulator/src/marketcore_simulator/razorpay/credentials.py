"""The one merchant the Razorpay face knows. Invented values: they open nothing but this simulator."""

KEY_ID = "rzp_test_simulated0001"
KEY_SECRET = "demo-key-secret"  # noqa: S105
WEBHOOK_SECRET = "demo-webhook-secret"  # noqa: S105
#: The merchant's own account, named in every webhook.
ACCOUNT_ID = "acc_SIMULATED00001"
#: The RazorpayX account payouts are made from.
PAYOUT_ACCOUNT_NUMBER = "2323230000000001"
