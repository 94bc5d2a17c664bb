"""What operators type, and what they are told."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, text

from marketcore.cli import MODULES, build
from marketcore.testing.databases import database_from

NOWHERE = {
    "marketcore.database_url": "postgresql://nobody:canary-44@127.0.0.1:1/none",
    "marketcore.redis_url": "redis://127.0.0.1:1/0",
    "marketcore.environment": "development",
}


@pytest.fixture
def empty(servers, tmp_path):
    """Settings over a database without tables."""
    with database_from(servers[0], "template0") as url:
        yield {
            **NOWHERE,
            "marketcore.database_url": url,
            "marketcore.redis_url": servers[1],
            "marketcore.data_dir": str(tmp_path / "var"),
        }


@pytest.fixture
def migrated(servers, templates, tmp_path):
    """Return ``migrated(*plugins)``: settings, with no plugin enabled, over a database that has their tables."""
    with ExitStack() as stack:

        def settings(*plugins):
            return {
                **NOWHERE,
                "marketcore.database_url": stack.enter_context(database_from(servers[0], templates(*plugins))),
                "marketcore.redis_url": servers[1],
                "marketcore.data_dir": str(tmp_path / "var"),
            }

        yield settings


def query(url, sql):
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(sql))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def one_line(answer):
    """The one line on standard error with which a command refused."""
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    (line,) = answer.stderr.strip().splitlines()
    return line


def test_help_lists_every_command_and_imports_nothing_heavy(environment):
    code = (
        "import sys\n"
        "from marketcore.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print([name for name in ('pyramid', 'sqlalchemy', 'alembic', 'structlog', 'httpx') if name in sys.modules])\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60, check=True
    ).stdout
    for command in ("migrate", "plugins", "web", "live", "worker", "process", "run", "ledger", "user", "sample-data"):
        assert f"\n  {command} " in out
    assert out.endswith("[]\n")


def test_every_module_of_the_list_offers_documented_commands():
    program = build()
    assert len(program.commands) >= len(MODULES)
    assert [name for name, command in program.commands.items() if not command.help] == []


@pytest.mark.parametrize("before", [True, False])
def test_the_file_is_named_before_or_after_the_command(typed, write_ini, before):
    ini = write_ini(NOWHERE)
    arguments = ("-c", ini, "plugins") if before else ("plugins", "-c", ini)
    assert typed(*arguments).returncode == 0


def test_the_file_comes_from_the_environment_or_is_the_one_here(marketcore, write_ini, tmp_path):
    ini = write_ini(NOWHERE)
    assert "there is no configuration file 'development.ini'" in one_line(marketcore("plugins"))
    assert marketcore("plugins", MARKETCORE_CONFIG=str(ini)).returncode == 0
    ini.rename(tmp_path / "development.ini")
    assert marketcore("plugins").returncode == 0


@pytest.mark.parametrize("command", ["migrate", "web", "run", "sample-data", "ledger verify"])
def test_a_wrong_configuration_is_one_line_and_exit_code_2(marketcore, write_ini, command):
    ini = write_ini({**NOWHERE, "marketcore.log_level": "loud"})
    assert "marketcore.log_level = 'loud' cannot be used" in one_line(marketcore("-c", ini, *command.split()))


@pytest.mark.parametrize("command", ["migrate", "ledger verify"])
def test_a_database_that_does_not_answer_is_one_line_without_its_password(typed, write_ini, command):
    line = one_line(typed("-c", write_ini(NOWHERE), *command.split()))
    assert "the database cannot be used" in line
    assert "check marketcore.database_url" in line
    assert "canary" not in line


def test_migrate_says_what_it_applied_for_the_core_and_the_enabled_plugins(typed, write_ini, miniatures, empty):
    miniatures("good")
    first = typed("-c", write_ini(empty), "migrate")
    assert first.returncode == 0, first.stderr
    assert "applied core_0001" in first.stdout
    assert "good" not in first.stdout
    second = typed("-c", write_ini({**empty, "marketcore.plugins": "good"}), "migrate")
    assert second.stdout == "applied good_0001\n"
    assert typed("-c", write_ini(empty), "migrate").stdout == "the database is up to date\n"


def test_plugins_shows_what_runs_and_why_the_rest_does_not(typed, write_ini, miniatures):
    miniatures("good", "needy", "broken", "rival")
    answer = typed("-c", write_ini({**NOWHERE, "marketcore.plugins": "good broken goood"}), "plugins")
    lines = {line.split()[0]: line for line in answer.stdout.splitlines()}
    assert answer.returncode == 2
    assert "enabled" in lines["good"]
    assert "marketcore-good 1.0" in lines["good"]
    assert "off" in lines["rival"]
    assert "add 'rival' to marketcore.plugins to enable it" in lines["rival"]
    assert "cannot run" in lines["broken"]
    assert "ModuleNotFoundError" in lines["broken"]
    assert "did you mean 'good'?" in lines["goood"]


def test_plugins_names_what_is_missing_for_an_enabled_one(typed, write_ini, miniatures):
    miniatures("good", "needy")
    answer = typed("-c", write_ini({**NOWHERE, "marketcore.plugins": "needy"}), "plugins")
    assert answer.returncode == 2
    assert "requires 'good', which is installed but not enabled" in answer.stdout


def test_plugins_verbose_shows_everything_with_file_and_line_by_plugin(typed, write_ini, miniatures):
    miniatures("good")
    answer = typed("-c", write_ini({**NOWHERE, "marketcore.plugins": "good"}), "plugins", "--verbose")
    assert answer.returncode == 0, answer.stderr
    core, _mark, good = answer.stdout.partition("\ngood\n")
    assert "web/__init__.py:" in core
    for thing in (
        "good.polish",
        "good.tidy",
        "good_thing:{thing_id} good.polished",
        "good_pay",
        "good_sweeper",
        "good.thing.keep",
    ):
        assert thing in good
        assert thing not in core
    assert good.count("marketcore_good/__init__.py:") >= 12


def test_a_process_of_a_plugin_runs_and_its_exit_code_is_ours(marketcore, write_ini, miniatures, empty):
    miniatures("good")
    ini = write_ini({**empty, "marketcore.plugins": "good", "good.limit": "42"})
    answer = marketcore("-c", ini, "process", "good_sweeper")
    assert answer.stdout == "swept 42\n"
    assert answer.returncode == 7


def test_a_process_that_nobody_adds_is_told_with_those_there_are(typed, write_ini, empty):
    line = one_line(typed("-c", write_ini(empty), "process", "good_sweeper"))
    assert "there is no process 'good_sweeper' (there are: " in line
    assert "web" in line


def test_a_process_for_development_is_refused_in_production(typed, write_ini, miniatures, empty):
    miniatures("rehearsal")
    settings = {
        **empty,
        "marketcore.plugins": "rehearsal",
        "marketcore.environment": "production",
        "marketcore.secret": "x" * 40,
    }
    line = one_line(typed("-c", write_ini(settings), "process", "rehearsal"))
    assert "'rehearsal' is for development only and marketcore.environment is 'production'" in line
    ini = write_ini({**settings, "marketcore.environment": "development"})
    assert typed("-c", ini, "process", "rehearsal").stdout == "rehearsed\n"


def test_the_ledger_of_a_new_database_is_right(typed, write_ini, migrated):
    settings = migrated()
    ini = write_ini(settings)
    answer = typed("-c", ini, "ledger", "verify")
    assert answer.returncode == 0, answer.stderr
    assert "no differences" in answer.stdout


def test_an_administrator_is_made_and_a_second_of_the_same_name_refused(typed, write_ini, migrated):
    settings = migrated()
    ini = write_ini(settings)
    arguments = ("-c", ini, "user", "create", "--email", "boss@shop.example", "--role", "admin")
    answer = typed(*arguments, "--password", "a long enough phrase 7")
    assert answer.returncode == 0, answer.stderr
    assert "boss@shop.example (admin)" in answer.stdout
    assert query(settings["marketcore.database_url"], "SELECT email, roles FROM users") == [
        ("boss@shop.example", ["admin"])
    ]
    assert "registered already" in one_line(typed(*arguments, "--password", "a long enough phrase 7"))
    assert "role" in one_line(typed(*arguments[:-1], "queen", "--password", "a long enough phrase 7"))


def test_purging_shows_what_it_would_drop_and_drops_nothing(typed, write_ini, miniatures, migrated):
    miniatures("good")
    settings = migrated("good")
    url = settings["marketcore.database_url"]
    query(url, "INSERT INTO good_things (name) VALUES ('a'), ('b')")
    answer = typed("-c", write_ini(settings), "plugins", "purge", "good", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == ["table good_things (2 rows)", "nothing was dropped"]
    assert query(url, "SELECT count(*) FROM good_things") == [(2,)]


def test_purging_asks_first_and_then_drops_for_good(typed, write_ini, miniatures, migrated):
    miniatures("good")
    settings = migrated("good")
    url = settings["marketcore.database_url"]
    ini = write_ini(settings)
    refused = typed("-c", ini, "plugins", "purge", "good", text="n\n")
    assert refused.returncode == 1
    assert query(url, "SELECT to_regclass('good_things')::text") == [("good_things",)]
    done = typed("-c", ini, "plugins", "purge", "good", text="y\n")
    assert "everything of 'good' was dropped" in done.stdout
    assert query(url, "SELECT to_regclass('good_things')::text") == [(None,)]
    again = typed("-c", ini, "plugins", "purge", "good", "--yes")
    assert "keeps nothing in this database" in again.stdout
    assert "applied good_0001" in typed("-c", write_ini({**settings, "marketcore.plugins": "good"}), "migrate").stdout


@pytest.mark.parametrize(
    ("enabled", "name", "said"),
    [
        ("good", "good", "is enabled: take it out of marketcore.plugins and restart first"),
        ("", "needy", "has no migrations, and so nothing to purge"),
        ("", "lost", "is not installed (installed: "),
    ],
)
def test_purging_is_refused_where_it_would_do_harm_or_nothing(typed, write_ini, miniatures, empty, enabled, name, said):
    miniatures("good", "needy")
    ini = write_ini({**empty, "marketcore.plugins": enabled})
    assert said in one_line(typed("-c", ini, "plugins", "purge", name, "--yes"))


@pytest.mark.parametrize("name", ["Gift", "9lives", "a-b", "x" * 40, "../up", "a__b"])
def test_a_name_that_no_plugin_can_have_is_refused(typed, name):
    assert "cannot be a plugin's name" in one_line(typed("plugins", "new", name))


def test_an_existing_folder_is_not_written_into(typed, tmp_path):
    (tmp_path / "gift_cards").mkdir()
    assert "exists already" in one_line(typed("plugins", "new", "gift_cards"))


def test_dead_jobs_are_shown_run_again_and_purged(typed, write_ini, migrated):
    settings = migrated()
    ini, url = write_ini(settings), settings["marketcore.database_url"]
    dead = (
        "INSERT INTO jobs (name, attempts, last_error, dead_at)"
        " VALUES ('media.make_variants', 10, 'ValueError: no', {})"
    )
    query(url, dead.format("now() - interval '40 days'"))
    query(url, dead.format("now()"))

    shown = typed("-c", ini, "jobs", "status")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("media.make_variants after 10 attempts: ValueError: no") == 2

    assert typed("-c", ini, "jobs", "purge").stdout == "1 dead jobs deleted\n"
    (job,) = query(url, "SELECT id FROM jobs")
    assert typed("-c", ini, "jobs", "retry", str(job[0])).stdout == "1 jobs will run again\n"
    assert query(url, "SELECT dead_at, attempts FROM jobs") == [(None, 0)]
    assert "name one dead job" in typed("-c", ini, "jobs", "retry").stderr


def test_M3_provinces_and_cities_are_imported_from_a_file(typed, write_ini, migrated, tmp_path):
    settings = migrated()
    ini, places = write_ini(settings), tmp_path / "places.csv"
    places.write_text("country,province,city\nKE,Nairobi,Westlands\nKE,Nairobi,Karen\n")
    assert typed("-c", ini, "places", "import", places).stdout == "1 provinces and 2 cities added\n"
    assert typed("-c", ini, "places", "import", places).stdout == "0 provinces and 0 cities added\n"
    places.write_bytes(b"KE,\xff\xfe,Karen")
    assert "UTF-8" in one_line(typed("-c", ini, "places", "import", places))
    assert query(settings["marketcore.database_url"], "SELECT count(*) FROM cities") == [(2,)]
