"""The Daraja face: M-Pesa's OAuth, STK push, STK query and callbacks."""
