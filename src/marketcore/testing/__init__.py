"""What plugin authors test with: fixtures (``pytest_plugins = ["marketcore.testing.fixtures"]``) and contracts."""
