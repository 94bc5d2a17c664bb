"""``marketcore jobs``."""

from __future__ import annotations

from typing import Any

import click

from marketcore.cli.configuration import Configuration


@click.group()
def jobs() -> None:
    """See what the worker has to do, and do something about what failed."""


@jobs.command()
@click.pass_obj
def status(configuration: Configuration) -> None:
    """Show what waits, runs and is dead, and why."""
    from marketcore.db.session import perform

    with configuration.application(process="jobs") as registry:
        counts, dead = perform(registry, _read)
    click.echo(f"{'job':40} {'waiting':>8} {'delayed':>8} {'running':>8} {'dead':>6} {'oldest':>8}")
    for row in counts:
        oldest = f"{row.oldest_seconds:.0f} s"
        click.echo(f"{row.name:40} {row.waiting:8} {row.delayed:8} {row.running:8} {row.dead:6} {oldest:>8}")
    for job in dead:
        click.echo(f"dead: {job.id} {job.name} after {job.attempts} attempts: {job.last_error}")


@jobs.command()
@click.argument("job_id", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Every dead job.")
@click.pass_obj
def retry(configuration: Configuration, job_id: int | None, everything: bool) -> None:
    """Let the dead job JOB_ID, or all of them, run again."""
    from marketcore.db.session import perform
    from marketcore.jobs import status as queue

    if (job_id is None) is not everything:
        raise click.UsageError("name one dead job, or give --all")
    with configuration.application(process="jobs") as registry:
        revived = perform(registry, lambda request: queue.retry(request.db, job_id))
    click.echo(f"{revived} jobs will run again")


@jobs.command()
@click.option("--older-than-days", type=click.IntRange(0), default=30, show_default=True)
@click.pass_obj
def purge(configuration: Configuration, older_than_days: int) -> None:
    """Delete jobs that have been dead for long."""
    from marketcore.db.session import perform
    from marketcore.jobs import status as queue

    with configuration.application(process="jobs") as registry:
        gone = perform(registry, lambda request: queue.purge(request.db, older_than_days=older_than_days))
    click.echo(f"{gone} dead jobs deleted")


def _read(request: Any) -> tuple[list[Any], list[Any]]:
    from marketcore.jobs import status as queue

    return queue.status(request.db), queue.dead_jobs(request.db)


commands = (jobs,)
