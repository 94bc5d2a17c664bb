"""The addresses of the catalog: read, ask the service, present."""
