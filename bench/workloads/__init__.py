"""What is measured, one module per part of a marketplace."""
