"""The project: settings and entry points of the peer."""
