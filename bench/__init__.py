"""Measures marketcore beside the stack that such backends use today, and beside the limits: ``make bench``."""
