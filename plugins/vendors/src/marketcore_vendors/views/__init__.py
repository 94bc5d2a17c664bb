"""The HTTP face of vendors."""
