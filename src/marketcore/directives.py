"""What a plugin may say in its ``includeme``: each directive is deferred, unique by name and introspectable.

Two plugins that claim one name stop the start with both files named; ``marketcore plugins --verbose`` prints all
that was registered. Every directive is described in ``docs/reference/directives.md``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from typing import Any

import colander
from pyramid.exceptions import ConfigurationConflictError

from marketcore.exceptions import ConfigurationError
from marketcore.settings import check_section

_PARAMETER = re.compile(r"\{(\w+)\}")
_EVENT_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,59}")
_COMMAND = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
LONGEST_COMMAND = 60
ROLES = frozenset({"buyer", "seller", "admin"})


@dataclass(frozen=True)
class Permission:
    """A named right. ``to`` holds roles, ``member`` (anyone logged in) or ``anyone``.

    A permission to ``trade`` (buy, sell, bid, message) is lost while the account is blocked.
    """

    name: str
    to: frozenset[str]
    trade: bool


@dataclass(frozen=True)
class Job:
    """Deferred work: ``run(request, **arguments)`` in a transaction of its own, at most ``attempts`` times.

    A periodic job has ``every_seconds``; its runs are single however many workers there are.
    """

    name: str
    run: Callable[..., Any]
    attempts: int
    every_seconds: int | None = None


@dataclass(frozen=True)
class LiveChannel:
    """A family of channels such as ``order:{order_id}``.

    ``may_join(request, **parameters)`` decides for the identity of ``request``; ``path`` is the plain address that
    subscribes by itself; ``snapshot(request, **parameters)`` is the document of what the channel is about, with its
    ``stream``; ``parameters`` are whole numbers. With ``presence`` its listeners are counted.
    """

    pattern: str
    may_join: Callable[..., bool]
    path: str | None
    snapshot: Callable[..., Mapping[str, Any]] | None = None
    presence: bool = False


@dataclass(frozen=True)
class LiveEventType:
    """A kind of event that a family of channels carries; ``schema`` describes its data.

    What is not ``stored`` is a signal: it has no place in the stream, and whoever is away never hears of it.
    """

    pattern: str
    type: str
    schema: Any
    stored: bool = True


@dataclass(frozen=True)
class LiveCommand:
    """What a client may ask for over its socket, and who may.

    ``handler(request, data)`` runs in a unit of work and returns the answer. A ``queued`` one is called as
    ``handler(registry, identity, data)`` on the event loop, never waits, and returns a ``Future`` of the answer.
    """

    name: str
    handler: Callable[..., Any]
    permission: str
    body: Any
    answer: Any
    queued: bool


@dataclass(frozen=True)
class NotificationType:
    """Something people are told of. ``templates`` is the ``package:folder`` of ``NAME.jinja2``.

    ``channels`` are those it takes unless a person chooses others; what is not ``optional`` cannot be switched off.
    Of a ``digest`` type, letters gather for ``notifications.digest_minutes``.
    """

    name: str
    title: str
    templates: str
    channels: frozenset[str]
    digest: bool
    optional: bool


@dataclass(frozen=True)
class Process:
    """A long-running process of the platform: ``serve(registry)`` runs until it is told to stop.

    ``port_setting`` names the setting that holds its port, for the supervisor's readiness probe; ``page`` is where a
    person looks first, and ``about`` says in a few words what for.
    """

    name: str
    serve: Callable[[Any], Any]
    port_setting: str | None
    development_only: bool
    page: str
    about: str


@dataclass(frozen=True)
class FrontPage:
    """Where a person begins: ``path`` at the process called ``process``; ``about`` says what is there."""

    name: str
    path: str
    process: str
    about: str


def table(registry: Any, category: str) -> dict[str, Any]:
    """Return what has been registered under ``category`` (``"jobs"``, ``"live channels"`` …), by name."""
    entries: dict[str, Any] = registry.setdefault(f"marketcore {category}", {})
    return entries


def _declare(config: Any, category: str, name: str, entry: Any, claim: str = "", **shown: Any) -> None:
    discriminator = (category, claim or name)
    introspectable = config.introspectable(category, discriminator, name, category)
    introspectable.update(name=name, entry=entry, **shown)

    def register() -> None:
        table(config.registry, category)[name] = entry

    config.action(discriminator, register, introspectables=(introspectable,))


def _job_name(function: Callable[..., Any]) -> str:
    if not inspect.isfunction(function) or "<" in function.__qualname__:
        raise ConfigurationError(
            f"the job {function!r} is no function of a module, and so has no lasting name: def one"
        )
    package = function.__module__.removesuffix(".jobs").removeprefix("marketcore_").removeprefix("marketcore.")
    return f"{package}.{function.__name__}"


def add_settings_schema(config: Any, prefix: str, schema: Any) -> dict[str, Any]:
    """Check the settings under ``prefix.`` at once and return them as plain values.

    A misspelt key or a bad value raises ``ConfigurationError`` with the key, the value and the remedy.
    """
    claims = config.registry.setdefault("settings_claims", {})
    if prefix in claims:
        # Not left to the end: the second schema would complain of the first one's keys.
        raise ConfigurationConflictError({("settings", prefix): [claims[prefix], config.action_info]})
    values = check_section(prefix, schema, config.registry.settings)
    claims[prefix] = config.action_info
    config.registry.setdefault("settings_sections", {})[prefix] = values
    _declare(config, "settings", prefix, schema)
    return values


def service_name(service: type) -> str:
    """Return what a service is registered as."""
    return f"{service.__module__}.{service.__qualname__}"


def register_service_factory(config: Any, factory: Any, service: type) -> None:
    """Let ``request.find_service(service)`` return ``factory(context, request)``, made once per request."""
    _declare(config, "services", service_name(service), config.maybe_dotted(factory))


def declare_permission(config: Any, name: str, to: str | Iterable[str], *, trade: bool = False) -> None:
    """Declare the right ``name`` and who has it: ``"anyone"``, ``"member"`` or role names."""
    holders = frozenset(to.split() if isinstance(to, str) else to)
    if not holders or holders - ROLES - {"anyone", "member"}:
        raise ConfigurationError(
            f"permission {name!r} is given to {sorted(holders)}: use 'anyone', 'member' or roles of {sorted(ROLES)}"
        )
    _declare(config, "permissions declared", name, Permission(name, holders, trade), to=sorted(holders))


def add_listing_kind(config: Any, name: str, kind: Any) -> None:
    """Make ``kind`` (a ``ListingKind``, or its dotted name) a way of selling called ``name``."""
    _declare(config, "listing kinds", name, config.maybe_dotted(kind))


def add_event_subscriber(config: Any, subscriber: Any, event: type) -> None:
    """Call ``subscriber(request, event)`` inside the transaction that emits ``event``; raising vetoes it."""
    _subscribe(config, "event subscribers", subscriber, event)


def add_after_commit_subscriber(config: Any, subscriber: Any, event: type) -> None:
    """Call ``subscriber(registry, event)`` after the transaction has been committed, isolated from others."""
    _subscribe(config, "after-commit subscribers", subscriber, event)


def _subscribe(config: Any, category: str, subscriber: Any, event: type) -> None:
    subscriber = config.maybe_dotted(subscriber)
    name = f"{event.__name__} → {subscriber.__module__}.{subscriber.__qualname__}"
    _declare(config, category, name, (event, subscriber))


def add_live_channel(
    config: Any,
    pattern: str,
    may_join: Any,
    *,
    path: str | None = None,
    snapshot: Any | None = None,
    presence: bool = False,
) -> None:
    """Let clients subscribe to channels named after ``pattern`` where ``may_join`` agrees."""
    if path is not None and set(_PARAMETER.findall(path)) != set(_PARAMETER.findall(pattern)):
        raise ConfigurationError(
            f"the live channel {pattern!r} and its path {path!r} have different parameters: name the same ones"
        )
    channel = LiveChannel(pattern, config.maybe_dotted(may_join), path, config.maybe_dotted(snapshot), presence)
    _declare(config, "live channels", pattern, channel, claim=channel_shape(pattern), path=path)
    if path is not None:
        config.action(("live paths", channel_shape(path)))


def channel_shape(pattern: str) -> str:
    """Return ``pattern`` without its parameters' names: order:{id} and order:{order_id} are the same channels."""
    return _PARAMETER.sub("{}", pattern)


def add_live_event(config: Any, channel_pattern: str, type: str, schema: Any, *, stored: bool = True) -> None:
    """Say that channels named after ``channel_pattern`` carry events of ``type`` with data as in ``schema``.

    They are published by ``request.publish``; with ``stored=False`` they are signals, sent by ``request.signal``.
    """
    if not _EVENT_TYPE.fullmatch(type):
        raise ConfigurationError(
            f"{type!r} is no event type: use at most 60 of a-z, 0-9, '_' and '.', as in 'order.paid'"
        )
    event = LiveEventType(channel_pattern, type, _node("event", type, config.maybe_dotted(schema)), stored)
    claim = f"{channel_shape(channel_pattern)} {type}"
    _declare(config, "live events", f"{channel_pattern} {type}", event, claim=claim)


def add_live_command(
    config: Any, name: str, handler: Any, *, permission: str, body: Any, answer: Any, queued: bool = False
) -> None:
    """Let clients who have ``permission`` send the command ``name`` over their sockets."""
    if not _COMMAND.fullmatch(name) or len(name) > LONGEST_COMMAND:
        raise ConfigurationError(
            f"{name!r} is no name of a live command: write at most {LONGEST_COMMAND} of a-z, 0-9 and '_' in words "
            "separated by dots, as in 'auctions.place_bid'"
        )
    command = LiveCommand(
        name,
        config.maybe_dotted(handler),
        permission,
        _node("command", name, config.maybe_dotted(body)),
        _node("command", name, config.maybe_dotted(answer)),
        queued,
    )
    _declare(config, "live commands", name, command, permission=permission, queued=queued)


def _node(what: str, name: str, schema: Any) -> colander.SchemaNode:
    node = schema() if isinstance(schema, type) else schema
    if not isinstance(node, colander.SchemaNode) or not isinstance(node.typ, colander.Mapping):
        raise ConfigurationError(
            f"the live {what} {name!r} has the schema {schema!r}: derive a class from marketcore.web.schema.Schema"
        )
    return node


def add_job(config: Any, run: Any, *, attempts: int = 10) -> None:
    """Make ``run`` a job; its name is its package and function, such as ``media.make_thumbnails``."""
    run = config.maybe_dotted(run)
    _declare(config, "jobs", _job_name(run), Job(_job_name(run), run, _positive("attempts", attempts, run)))


def add_periodic_job(config: Any, run: Any, *, every_seconds: int, attempts: int = 1) -> None:
    """Run ``run(request)`` every ``every_seconds``, once per tick however many workers there are."""
    run = config.maybe_dotted(run)
    every_seconds = _positive("every_seconds", every_seconds, run)
    job = Job(_job_name(run), run, _positive("attempts", attempts, run), every_seconds)
    _declare(config, "jobs", job.name, job, every_seconds=every_seconds)


def _positive(what: str, number: int, run: Any) -> int:
    if type(number) is not int or number < 1:
        raise ConfigurationError(f"the job {_job_name(run)!r} has {what}={number!r}: give a whole number from 1")
    return number


def add_payment_provider(config: Any, name: str, provider: Any) -> None:
    """Make ``provider`` (a ``PaymentProvider``) available to routing under ``name``."""
    _declare(config, "payment providers", name, provider)


def add_payout_provider(config: Any, name: str, provider: Any) -> None:
    """Let people be paid out by ``provider`` (a ``PayoutProvider``) under ``name``."""
    _declare(config, "payout providers", name, provider)


def add_notification_type(
    config: Any,
    name: str,
    *,
    title: str,
    templates: str,
    channels: str = "in_app email",
    digest: bool = False,
    optional: bool = True,
) -> None:
    """Let people be told of ``name`` with ``NotificationService.notify``; ``templates`` holds its ``NAME.jinja2``."""
    if not _EVENT_TYPE.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no notification type: use at most 60 of a-z, 0-9, '_' and '.', as in 'order.paid'"
        )
    package, _colon, folder = templates.partition(":")
    if find_spec(package) is None or not resources.files(package).joinpath(folder, f"{name}.jinja2").is_file():
        raise ConfigurationError(f"the notification type {name!r} has no template {templates}/{name}.jinja2: add one")
    chosen = frozenset(channels.split())
    if unknown := chosen - {"in_app", "email", "sms"}:
        raise ConfigurationError(
            f"the notification type {name!r} has the channels {sorted(unknown)}: use in_app, email and sms"
        )
    _declare(config, "notification types", name, NotificationType(name, title, templates, chosen, digest, optional))


def add_sms_provider(config: Any, name: str, provider: Any) -> None:
    """Make ``provider`` (an ``SmsProvider``) available to ``notifications.sms_provider`` under ``name``."""
    _declare(config, "sms providers", name, provider)


def add_login_check(config: Any, name: str, check: Any) -> None:
    """Ask ``check(request, login)`` before a session opens for whoever owns an account; raising holds the login."""
    _declare(config, "login checks", name, config.maybe_dotted(check))


def add_step_up(config: Any, name: str, check: Any) -> None:
    """Ask ``check(request)`` before views with ``step_up=True``; it raises ``StepUpNeeded`` without a fresh proof."""
    _declare(config, "step-up checks", name, config.maybe_dotted(check))


def add_payment_purpose(config: Any, name: str, purpose: Any) -> None:
    """Let payments be made for ``name``; ``purpose`` is a ``PaymentPurpose`` or its dotted name."""
    _declare(config, "payment purposes", name, config.maybe_dotted(purpose))


def add_ledger_check(config: Any, name: str, sql: str) -> None:
    """Let ``marketcore ledger verify`` run ``sql``, which selects ``id`` and ``detail`` of whatever is wrong."""
    _declare(config, "ledger checks", name, sql)


def add_process(
    config: Any,
    name: str,
    serve: Any,
    *,
    port_setting: str | None = None,
    development_only: bool = False,
    page: str = "",
    about: str = "",
) -> None:
    """Add a long-running process; ``marketcore run`` starts it and ``marketcore process NAME`` runs it alone."""
    serve = config.maybe_dotted(serve)
    _declare(config, "processes", name, Process(name, serve, port_setting, development_only, page, about))


def add_front_page(config: Any, name: str, path: str, *, about: str, process: str = "web") -> None:
    """Let ``marketcore run`` print the address of ``path`` at the process called ``process``."""
    if not path.startswith("/"):
        raise ConfigurationError(f"the front page {name!r} has the path {path!r}: begin it with '/'")
    _declare(config, "front pages", name, FrontPage(name, path, process, about), path=path)


def add_migrations(config: Any, label: str, location: str) -> None:
    """Say that the Alembic branch ``label`` lives in ``location`` (``package:folder``) and is to be applied."""
    _declare(config, "migrations", label, location, location=location)


# What ``marketcore plugins --verbose`` shows; a table of the registry each.
CATEGORIES = (
    "settings",
    "services",
    "permissions declared",
    "listing kinds",
    "event subscribers",
    "after-commit subscribers",
    "live channels",
    "live events",
    "live commands",
    "jobs",
    "payment providers",
    "payout providers",
    "payment purposes",
    "ledger checks",
    "notification types",
    "sms providers",
    "login checks",
    "step-up checks",
    "processes",
    "front pages",
    "migrations",
)
DIRECTIVES: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        add_settings_schema,
        register_service_factory,
        declare_permission,
        add_listing_kind,
        add_event_subscriber,
        add_after_commit_subscriber,
        add_live_channel,
        add_live_event,
        add_live_command,
        add_job,
        add_periodic_job,
        add_payment_provider,
        add_payout_provider,
        add_payment_purpose,
        add_ledger_check,
        add_notification_type,
        add_sms_provider,
        add_login_check,
        add_step_up,
        add_process,
        add_front_page,
        add_migrations,
    )
}


def includeme(config: Any) -> None:
    """Add every directive to ``config``."""
    for name, directive in DIRECTIVES.items():
        config.add_directive(name, directive)
