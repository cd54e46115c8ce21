"""The same span under several configurations at once, and what each would have told people.

History and evidence are read once, a week at a time. Configurations that detect alike share what was detected; each has a life of
alerts and messages of its own. Every hour is evaluated anew under each, also where live evaluations were kept: these know one
configuration only. Not here: what the analysis of a day would have been (`days_again`), comparing (`comparison`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from mist_pipeline.alerts.lifecycle.observations import Gathered
from mist_pipeline.alerts.lifecycle.replay import Replay, Replaying
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.alerts.notify.would_be import WouldBeMessages
from mist_pipeline.scorecard.replays import LIFE, known_troubles, with_verdicts
from mist_pipeline.settings import Settings
from mist_pipeline.settings.notifications import Sensitivity
from mist_pipeline.tables import alerts
from mist_pipeline.tables import scorecard as table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_day import StoredDays
from mist_pipeline.workflows.analysis.replay import number_of_sites, span, weeks
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline.workflows.progress import Progress, silent
from mist_pipeline.workflows.replaying.days_again import days_under, detects_alike
from mist_pipeline.workflows.scorecard.quality import copied

EVERYBODY = Route(name="everybody", sinks=("everybody",))
"""Where no route is configured, messages are counted as if one sink heard of everything."""


@dataclass(frozen=True)
class Configuration:
    """One configuration of a replay.

    Attributes:
        name: For people and programs; the name of its file, or of what is different.
        settings: The configuration.
    """

    name: str
    settings: Settings


def at_sensitivity(settings: Settings, level: Sensitivity) -> Configuration:
    """A configuration with another sensitivity, named after it."""
    alerts = settings.alerts.model_copy(update={"sensitivity": level})
    return Configuration(level, settings.model_copy(update={"alerts": alerts}))


@dataclass(frozen=True)
class Known:
    """What is known of the span: the same for every configuration.

    Attributes:
        truths: ``scorecard.truths``, up to now: what was said later counts, too.
        told: `LIFE` of the alerts that the ledger has.
        troubles: ``scorecard.replays.known_troubles``.
    """

    truths: pl.DataFrame
    told: pl.DataFrame
    troubles: pl.DataFrame


@dataclass(frozen=True)
class Outcome:
    """What came of a span under one configuration.

    Attributes:
        configuration: Which.
        replay: Events, and every alert.
        alerts: ``scorecard.replays.with_verdicts`` of the alerts of sites that were told.
        messages: When messages would have been sent, one instant each.
    """

    configuration: Configuration
    replay: Replay
    alerts: pl.DataFrame
    messages: Sequence[datetime]

    def messages_between(self, begin: datetime, end: datetime) -> int:
        """How many messages of a span of time."""
        return sum(begin <= at < end for at in self.messages)


@dataclass(frozen=True)
class Runs:
    """A span under several configurations.

    Attributes:
        first: First day.
        last: Last day.
        begin: Its first instant.
        end: The instant after its last.
        num_sites: Sites of the organisation.
        known: What is known of it.
        outcomes: One a configuration, in their order.
    """

    first: date
    last: date
    begin: datetime
    end: datetime
    num_sites: int
    known: Known
    outcomes: Sequence[Outcome]


@dataclass
class _Lane:
    """The life of alerts and messages under one configuration."""

    configuration: Configuration
    messages: WouldBeMessages
    life: Replaying
    sent: list[datetime] = field(default_factory=list)

    @classmethod
    def of(cls, configuration: Configuration, silences: Sequence[Silence]) -> "_Lane":
        settings = configuration.settings
        told = notification_rules(settings)
        messages = WouldBeMessages(
            told.routes or (EVERYBODY,),
            told.labels_by_site,
            (*silences, *told.windows),
            told.sinks,
            told.pagers,
        )
        return cls(configuration, messages, Replaying(settings.alerts.policy()))


def replays(
    warehouse: Warehouse,
    base: Settings,
    configurations: Sequence[Configuration],
    first: date,
    last: date,
    progress: Progress = silent,
) -> Runs:
    """Replay some days under every configuration.

    Args:
        warehouse: Where history, evidence and the analysis of the days are.
        base: The configuration in force, under which the days were analysed.
        configurations: Those to replay.
        first: First day.
        last: Last day.
        progress: Hears of every day.

    Raises:
        SettingsError: A configuration differs from ``base`` in what a replay cannot make again.
    """
    silences = _silences(base)
    every = [_Lane.of(one, silences) for one in configurations]
    groups: dict[str, list[_Lane]] = {}
    for lane in every:
        groups.setdefault(detects_alike(lane.configuration.settings), []).append(lane)
    days = []
    for place, lanes in enumerate(groups.values(), 1):
        days.append(days_under(warehouse, base, lanes[0].configuration.settings, first, last))
        progress("analysing days", place, len(groups))
    sites, total, done = number_of_sites(warehouse, first, last), (last - first).days + 1, 0
    for hours in weeks(warehouse, first, last):
        for analysed, lanes in zip(days, groups.values(), strict=True):
            settings = lanes[0].configuration.settings
            stored = StoredDays.read(analysed, settings, hours.first, hours.last)
            evaluations = list(hours.evaluation_inputs(settings, stored, sites))
            gathered = Gathered(evaluations)
            for lane in lanes:
                for evaluation, happened in lane.life.take(evaluations, gathered):
                    sent = lane.messages.after(lane.life.state, happened, evaluation.as_of)
                    lane.sent += [evaluation.as_of] * len(sent)
        done += (hours.last - hours.first).days + 1
        progress("replaying days", done, total)
    known = known_of(warehouse, first)
    outcomes = [_outcome(lane, known) for lane in every]
    return Runs(first, last, *span(base, first, last), sites, known, outcomes)


def known_of(warehouse: Warehouse, first: date) -> Known:
    """What is known of troubles and alerts from some days before a day on."""
    truths = warehouse.query(f"FROM {table.TRUTHS.full_name} WHERE day >= ?", [first - timedelta(days=7)])
    truths = truths.select(pl.col(name).cast(kind) for name, kind in table.TRUTHS.polars_schema().items())
    told = copied(warehouse, alerts.ALERTS).filter(pl.col("opened_at").is_not_null())
    told = _lives(told.rename({"kind": "rule"}).drop("severity").rename({"highest": "severity"}))
    return Known(truths, told, known_troubles(truths, told))


def _silences(settings: Settings) -> list[Silence]:
    """What people silenced, at its times."""
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        return []
    with open_ledger(settings) as ledger:
        return ledger.silences()


def _outcome(lane: _Lane, known: Known) -> Outcome:
    replay = lane.life.result()
    families = pl.DataFrame(
        list(replay.families.items()), schema={"alert_id": pl.String, "family": pl.String}, orient="row"
    )
    of_sites = replay.alerts.filter(~pl.col("is_past") & (pl.col("site_id") != ""))
    told = _lives(of_sites.join(families, on="alert_id").rename({"kind": "rule"}))
    return Outcome(lane.configuration, replay, with_verdicts(told, known.truths, known.told), lane.sent)


def _lives(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(kind) for name, kind in LIFE.items())
