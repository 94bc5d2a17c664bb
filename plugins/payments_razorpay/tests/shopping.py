"""A marketplace that takes rupees by Razorpay."""

from marketcore_simulator.razorpay.credentials import KEY_ID, KEY_SECRET, WEBHOOK_SECRET

# Passwords are hashed quickly: how well is tested elsewhere.
SETTINGS = {
    "identity__argon2_memory_kib": 1024,
    "identity__argon2_time_cost": 1,
    "payments__route__INR": "razorpay",
    "payments_razorpay__key_id": KEY_ID,
    "payments_razorpay__key_secret": KEY_SECRET,
    "payments_razorpay__webhook_secrets": f"old-secret {WEBHOOK_SECRET}",
    "payments_razorpay__merchant_name": "Kiondo & Sons",
}

# The provider gives up after one second, the gateway answers a moment later.
IMPATIENT = {**SETTINGS, "payments_razorpay__read_timeout": 1}
WRITTEN = {"hang": "hang(1.5)", "slow_callback": "slow_callback(0.5)"}
