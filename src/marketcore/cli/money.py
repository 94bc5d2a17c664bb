"""``marketcore payments`` and ``marketcore webhooks``."""

from __future__ import annotations

from typing import Any

import click

from marketcore.cli.configuration import Configuration


@click.group()
def payments() -> None:
    """See which way money goes, and what of it waits for a person."""


@payments.command()
@click.option("--dry-run", is_flag=True, required=True, help="Nothing is paid: the route is explained.")
@click.option("--currency", required=True, help="ISO 4217, such as KES.")
@click.option("--amount", required=True, help="Decimal, such as 100 or 99.50.")
@click.option("--country", help="ISO 3166 alpha-2 of where the goods go, such as KE.")
@click.pass_obj
def route(configuration: Configuration, dry_run: bool, currency: str, amount: str, country: str | None) -> None:
    """Explain which provider would collect such a payment, and why not the others; exit with 1 if none would."""
    from marketcore.directives import table
    from marketcore.exceptions import ConfigurationError
    from marketcore.money import Money

    try:
        money = Money.parse(amount, currency)
        if money.minor < 1:
            raise ValueError("nothing is paid where nothing is due")
    except ValueError as error:
        raise ConfigurationError(f"--amount {amount} --currency {currency}: {error}") from None
    country = country.upper() if country else None
    registry = configuration.inspected().registry
    routing, known = registry["payment_routing"], table(registry, "payment providers")
    verdicts = routing.explain(money, country)
    served = next((name for name, why in verdicts if why is None), None)
    click.echo(f"{money}{f' in {country}' if country else ''}:")
    for name, why in verdicts:
        click.echo(
            f"  {name:20} {'would serve it' if name == served else why or 'could, if the ones before it cannot'}"
        )
    for name in sorted(known.keys() - {name for name, _why in verdicts}):
        click.echo(f"  {name:20} is not on the route")
    if served is None:
        click.echo(f"nobody serves it: set payments.route.{currency}, or enable a plugin that takes {currency}")
    raise click.exceptions.Exit(0 if served else 1)


@payments.command()
@click.pass_obj
def exceptions(configuration: Configuration) -> None:
    """List everything about money that waits for a person, oldest first, and what to do."""
    from marketcore.db.session import perform
    from marketcore.money import Money
    from marketcore.reconciliation.waiting import exceptions as waiting

    with configuration.application(process="payments") as registry:
        rows = perform(registry, lambda request: waiting(request.db))
    for row in rows:
        amount = "" if row.minor is None else str(Money(row.minor, row.currency))
        click.echo(f"{row.since:%Y-%m-%d %H:%M}  {row.kind:14} {row.state:12} {amount:>16}  {row.id}\n    {row.remedy}")
    click.echo(f"{len(rows)} wait for a person" if rows else "nothing waits for a person")


@payments.command()
@click.option("--provider", help="Only this one; else every provider that lists what it did.")
@click.pass_obj
def reconcile(configuration: Configuration, provider: str | None) -> None:
    """Compare orders, ledger and providers now; exit with 1 if anything differs."""
    from marketcore.exceptions import ConfigurationError
    from marketcore.payments.operations import provider_called, providers
    from marketcore.reconciliation import services

    with configuration.application(process="payments") as registry:
        if provider:
            try:
                named = provider_called(registry, provider)
            except LookupError as error:
                known = ", ".join(sorted(one.name for one in providers(registry))) or "none"
                raise ConfigurationError(f"{error.args[0]}: {known} could be named") from None
            differences = services.reconcile_provider(registry, named)
        else:
            differences = services.reconcile_all(registry)
    click.echo(f"{differences} differences: marketcore payments exceptions" if differences else "no differences")
    raise click.exceptions.Exit(1 if differences else 0)


@click.group()
def webhooks() -> None:
    """See what providers have reported, and let it be applied again."""


@webhooks.command("list")
@click.option("--status", type=click.Choice(["received", "done", "ignored", "failed", "dead"]))
@click.option("--provider")
@click.option("--since", type=click.DateTime(), help="UTC.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.pass_obj
def list_calls(configuration: Configuration, **filters: Any) -> None:
    """List stored calls, newest first."""
    from marketcore.db.session import perform
    from marketcore.payments.replay import stored_calls

    with configuration.application(process="webhooks") as registry:
        rows = perform(registry, stored_calls, **filters)
    for row in rows:
        tail = f"  {row.last_error}" if row.last_error else ""
        click.echo(
            f"{row.id:>8}  {row.received_at:%Y-%m-%d %H:%M:%S}  {row.provider:12} {row.status:9} "
            f"{row.attempts:>2}  {row.dedupe_key}{tail}"
        )
    click.echo(f"{len(rows)} calls")


@webhooks.command()
@click.argument("call_id", type=int)
@click.pass_obj
def show(configuration: Configuration, call_id: int) -> None:
    """Show one stored call, without the secrets and telephone numbers in it."""
    from marketcore.db.session import perform
    from marketcore.payments.replay import stored_call
    from marketcore.redaction import redact_call

    with configuration.application(process="webhooks") as registry:
        row = perform(registry, stored_call, call_id)
    if row is None:
        raise click.ClickException(f"there is no stored call {call_id}")
    for name in (
        "id",
        "provider",
        "status",
        "attempts",
        "dedupe_key",
        "received_at",
        "done_at",
        "remote_addr",
        "last_error",
    ):
        click.echo(f"{name:12} {redact_call(str(getattr(row, name)))}")
    body = bytes(row.body).decode(errors="replace") if row.body else "forgotten after 90 days"
    click.echo(f"sha256       {bytes(row.body_sha256).hex()}\n\n{redact_call(body)}")


@webhooks.command()
@click.argument("call_ids", type=int, nargs=-1)
@click.option("--since", type=click.DateTime(), help="Every call from then on (UTC).")
@click.option("--until", type=click.DateTime(), help="Every call before then (UTC).")
@click.option("--provider")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@click.pass_obj
def replay(configuration: Configuration, call_ids: tuple[int, ...], dry_run: bool, **filters: Any) -> None:
    """Apply stored calls again; what they have done already they do not do twice."""
    import getpass

    from marketcore.db.session import perform
    from marketcore.payments import inbox
    from marketcore.payments.replay import mark_for_replay, not_applied, replayable

    if not call_ids and not filters["since"]:
        raise click.UsageError("name calls, or give --since")
    with configuration.application(process="webhooks") as registry:
        found = perform(registry, replayable, call_ids, **filters)
        if dry_run:
            click.echo(f"{len(found)} calls would be replayed: {', '.join(map(str, found)) or 'none'}")
            return
        actor = f"cli:{getpass.getuser()}"
        for count, call_id in enumerate(found, 1):
            perform(registry, mark_for_replay, call_id, actor)
            inbox.process(registry, call_id)
            if count % 100 == 0:
                click.echo(f"{count} of {len(found)}")
        waiting = perform(registry, not_applied, found)
    tail = f"; {waiting} of them not applied, which is tried again: marketcore webhooks list" if waiting else ""
    click.echo(f"{len(found)} calls replayed{tail}")
    raise click.exceptions.Exit(1 if waiting else 0)


commands = (payments, webhooks)
