"""What is wrong with the pipeline now, from Dagster's instance, the ledger and the machine together.

Here: putting facts together for whoever asks: the sensor that notices, the jobs that report, the heartbeat, ``doctor``. Not here: what
the instance says of runs and checks (`pipeline_facts`) and of schedules and sensors (`clocks`), what follows (``workflows``).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.defs.assets.reports import REPORT
from mist_pipeline.defs.checks.every import all_checks
from mist_pipeline.defs.runs.dead import UNDER_WAY, why_dead
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.watching.clocks import expected_clocks, read_clocks
from mist_pipeline.defs.watching.pipeline_facts import CheckReader, failed_report, read_facts
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis
from mist_pipeline.workflows.cloud_clock import read_skew
from mist_pipeline.workflows.doctor.running import Running
from mist_pipeline.workflows.running.folder_lock import holder, lock_file
from mist_pipeline.workflows.self_monitoring.jobs import OFTEN, WATCH, WATCHED
from mist_pipeline.workflows.self_monitoring.reading import published_days, read_disks, read_waiting
from mist_pipeline.workflows.self_monitoring.service import DAYS_BACK, ServiceFacts
from mist_pipeline.workflows.self_monitoring.trouble import Trouble, one_line
from mist_pipeline.workflows.self_monitoring.troubles import all_troubles, stalled, troubles

REPORT_AGAIN = timedelta(minutes=5)
"""A report that failed is made again after this."""

MEMORY = timedelta(days=35)
"""A day that failed so long ago is not told any more: as long as evaluations are kept by default."""


def _service_without_ledger(instance: dg.DagsterInstance, settings: Settings) -> ServiceFacts:
    daemon = holder(settings.data, lock_file(settings.monitoring.machines))
    return ServiceFacts(
        clocks=read_clocks(instance, Scope.of(settings), expected_clocks(settings), settings.known_secrets()),
        running_since=daemon.since if daemon else None,
        disks=read_disks(settings),
        skew=read_skew(settings),
    )


def read_service(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> ServiceFacts:
    """What is known of the work: clocks, what waits, days with an analysis, disks, this machine's clock.

    Raises:
        LedgerUnavailableError: The ledger cannot be read.
    """
    facts = _service_without_ledger(instance, settings)
    if not facts.is_served:
        return facts
    waiting = read_waiting(settings, now)
    return replace(
        facts,
        analysed_days=_analysed_days(instance, settings, now),
        newest_report=_newest_report(instance, Scope.of(settings)),
        unevaluated_since=waiting.unevaluated_since,
        is_unsent=waiting.is_unsent,
        is_uncalled=waiting.is_uncalled,
        machines=waiting.machines,
        expected_machines=settings.monitoring.machines,
        running_since=waiting.machines.since if waiting.machines else facts.running_since,
    )


def _analysed_days(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> frozenset[date]:
    """Days with an analysis; the published copy is asked only where Dagster, which forgets old runs, misses a recent one."""
    names = instance.get_materialized_partitions(Scope.of(settings).key(analysis.FINDINGS))
    found = {day for name in names if (day := _day(name)) is not None}
    today = now.astimezone(settings.organisation.zone).date()
    recent = {today - timedelta(days=number) for number in range(1, DAYS_BACK + 2)}
    return frozenset(found | set(published_days(settings)) if recent - found else found)


def _newest_report(instance: dg.DagsterInstance, scope: Scope) -> date | None:
    """Day of the newest page: a later one stands for an earlier one."""
    days = (_day(name) for name in instance.get_materialized_partitions(scope.asset(*REPORT)))
    return max((day for day in days if day is not None), default=None)


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def is_report_lost(instance: dg.DagsterInstance, scope: Scope, now: datetime) -> bool:
    """Whether the newest run that should have reported could not record what it found, some minutes ago, and none tries now."""
    failed = failed_report(instance, scope)
    if failed is None or now - failed.at < REPORT_AGAIN:
        return False
    trying = scope.runs(WATCH, statuses=[dg.DagsterRunStatus.QUEUED, *UNDER_WAY])
    return not instance.get_runs(trying, limit=1)


def troubles_now(
    instance: dg.DagsterInstance,
    settings: Settings,
    watched: Sequence[str],
    checks: CheckReader,
    now: datetime,
    awake_since: datetime | None = None,
) -> pl.DataFrame:
    """What is wrong now: the same for the sensor that notices it and for the jobs that report it.

    Args:
        instance: Dagster's instance.
        settings: The settings.
        watched: Jobs whose failure is reported.
        checks: Reads the checks.
        now: The instant.
        awake_since: Since when whoever asks has been asking without a pause; None: he does not know.
    """
    poll_every = timedelta(minutes=settings.monitoring.interval_minutes)
    facts = read_facts(instance, Scope.of(settings), watched, checks, settings.known_secrets(), now - MEMORY)
    service = read_service(instance, settings, now)
    known = [at for at in (service.running_since, awake_since) if at is not None]
    service = replace(service, running_since=max(known, default=None))
    return troubles(facts, service, now, poll_every, settings.organisation.zone)


def stalled_now(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> list[Trouble]:
    """What keeps people from being told, for the dead man's switch; a ledger that cannot be read is one of it."""
    poll_every = timedelta(minutes=settings.monitoring.interval_minutes)
    facts = read_facts(
        instance,
        Scope.of(settings),
        (*sorted(OFTEN), WATCH),
        CheckReader(()),
        settings.known_secrets(),
        now - MEMORY,
    )
    found = []
    try:
        service = read_service(instance, settings, now)
    except LedgerUnavailableError as error:
        found.append(Trouble("ledger", "critical", one_line(str(error), settings.known_secrets()), {}))
        service = _service_without_ledger(instance, settings)
    return found + stalled(facts, service, now, poll_every, settings.organisation.zone)


def running_now(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> Running:
    """What ``doctor`` shows of runs and clocks.

    Raises:
        LedgerUnavailableError: The ledger cannot be read.
    """
    poll_every = timedelta(minutes=settings.monitoring.interval_minutes)
    scope = Scope.of(settings)
    checks = CheckReader([key for check in all_checks(scope) for key in check.check_keys])
    facts = read_facts(instance, scope, WATCHED, checks, settings.known_secrets(), now - MEMORY)
    service = read_service(instance, settings, now)
    under_way = instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY))
    term = service.machines.term if service.machines else None
    return Running(
        troubles=all_troubles(facts, service, now, poll_every, settings.organisation.zone),
        clocks=service.clocks,
        machines=service.machines,
        dead_runs=[
            f"{run.job_name} {run.run_id[:8]}"
            for run in under_way
            if scope.owns(run.tags) and why_dead(run.tags, term)
        ],
    )
