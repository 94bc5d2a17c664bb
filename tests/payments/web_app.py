"""The web process of a test's marketplace, to be killed: settings come as JSON in an environment variable."""

from __future__ import annotations

import json
import os

from marketcore.config import configure
from marketcore.web.server import serve

if __name__ == "__main__":
    serve(configure(json.loads(os.environ["WEB_APP"])).registry)
