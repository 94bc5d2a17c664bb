"""The Razorpay face: orders, payments, hosted checkout, refunds, Route, payouts, settlements and webhooks."""
