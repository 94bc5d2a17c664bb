"""The plugin of docs/howto/tell-people-things.md, as it is printed there, greets a new member."""

from __future__ import annotations

import email
import email.policy
import re
import sys
from pathlib import Path

from marketcore.jobs.running import run_waiting
from marketcore.settings import section
from marketcore.testing.shop import register

TEXT = (Path(__file__).parents[2] / "docs/howto/tell-people-things.md").read_text()
PLUGIN = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0]
TEMPLATE = re.findall(r"^```jinja\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0]


def test_the_plugin_greets_a_new_member_in_app_and_by_letter(tmp_path, monkeypatch, make_market):
    package, metadata = tmp_path / "marketcore_greetings", tmp_path / "marketcore_greetings-1.0.dist-info"
    (package / "templates").mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").write_text(PLUGIN)
    (package / "templates/greetings.welcome.jinja2").write_text(TEMPLATE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: marketcore-greetings\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[marketcore.plugins]\ngreetings = marketcore_greetings\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    market = make_market("greetings", notifications__site_url="https://shop.example", identity__verify_email="false")
    market.spent = True
    person = register(market, "buyer")
    (told,) = market.client(person["access"]).get("/api/v1/users/me/notifications").json()["items"]
    assert told["line"] == "Welcome! Begin with a look at what others sell."
    run_waiting(market.registry)
    (file,) = (Path(section(market.registry, "marketcore")["data_dir"]) / "mail").iterdir()
    letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert letter["Subject"] == "Welcome to marketcore"
    plain = letter.get_body(("plain",)).get_content()
    assert plain.startswith(f"Hello {person['user']['username']},\n\nwelcome to marketcore. Begin with a look")
    assert plain.endswith("Look around: https://shop.example/catalogue\n")
    sys.modules.pop("marketcore_greetings")
