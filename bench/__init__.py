"""Measures marketcore beside the stack that such backends use today, and beside the limits: ``make bench``."""

import warnings

# Pyramid asks for a module that announces its own end, in every process that imports it.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
