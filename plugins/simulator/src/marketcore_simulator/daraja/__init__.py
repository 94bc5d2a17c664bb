"""The Daraja face: M-Pesa's OAuth, STK push and query, payouts, status, reversals, paybill payments."""
