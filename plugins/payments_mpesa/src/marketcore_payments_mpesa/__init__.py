"""M-Pesa payments through Safaricom's Daraja gateway."""
