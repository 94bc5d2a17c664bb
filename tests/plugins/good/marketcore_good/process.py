"""A process that ends by itself."""

from marketcore.settings import section


def serve(registry):
    print(f"swept {section(registry, 'good')['limit']}")
    return 7
