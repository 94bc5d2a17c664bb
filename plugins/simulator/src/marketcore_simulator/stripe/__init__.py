"""The Stripe face: checkout, payments, refunds, Connect, payouts, disputes, balance and webhooks."""
