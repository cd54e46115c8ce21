"""The simulated organisation as one value: parameters in, sites, truth and measurements out; no clock, no network.

A world is a function of its arguments. Its days run from `start` in the organisation's zone; nothing is stored, any
window is computed when asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from mist_pipeline.domain.metrics import CATALOGUE, Group
from mist_pipeline.simulator.world import (
    direct_frames,
    harm,
    messy_sampling,
    opening_hours,
    scenario_sampling,
    site_history,
)
from mist_pipeline.simulator.world.measurements import FOCUS, MeasurementModel
from mist_pipeline.simulator.world.metric_profiles import METRICS
from mist_pipeline.simulator.world.organisation import FIRMWARE, ORG_ID, Site, build, stable_uuid
from mist_pipeline.simulator.world.scenario import LabelledIncident, Scenario
from mist_pipeline.simulator.world.site_history import SiteChange

__all__ = ["ORG_ID", "World"]

DEFAULT_START: Final = date(2026, 2, 2)
_CRITICAL_SHARE: Final = 0.30


def _joined(causes: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What the parts of an incident share; where they differ, all values."""
    return {
        name: ", ".join(dict.fromkeys(cause[name] for cause in causes if name in cause))
        for name in dict.fromkeys(name for cause in causes for name in cause)
    }


class World:
    """A simulated Mist organisation.

    Args:
        sites: How many sites, 0–50,000.
        days: Length of the world in days; measurements go on afterwards, troubles do not.
        seed: Same arguments, same world.
        start: First day, in the organisation's zone. Default: Monday, 2 February 2026.
        scenarios: What goes wrong besides what is drawn from the seed.
        messy: Draw an organisation and troubles as real ones have them (`site_history`, `messy_sampling`): sites change and
            are noisy in their own ways, troubles overlap, and only what does real harm to users is worth telling.
        quiet: Draw no troubles and decoys; only `scenarios` happen.
        timezones: IANA names that sites are drawn from; default: ten of five continents.
        organisation_zone: Zone of the organisation, which decides what a day is.
        focus: Share of what a trouble degrades that the cloud counts for the classifiers of the trouble; the rest is counted
            for all classifiers, as noise is.

    Attributes:
        scenarios: All of them, by onset.
        model: Computes measurements.

    Raises:
        ValueError: For a number of sites or days that makes no world.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each property of a world
        self,
        sites: int = 24,
        days: int = 60,
        seed: int = 7,
        *,
        start: date | None = None,
        scenarios: Sequence[Scenario] = (),
        messy: bool = False,
        quiet: bool = False,
        timezones: Sequence[str] | None = None,
        organisation_zone: str = "UTC",
        focus: float = FOCUS,
    ) -> None:
        if not 0 <= focus <= 1:
            raise ValueError(f"the focus of a world is a share from 0 to 1, not {focus}")
        if not 0 <= sites <= 50_000:
            raise ValueError(f"a world has 0 to 50,000 sites, not {sites}")
        if days < 1:
            raise ValueError(f"a world lasts at least one day, not {days}")
        self.seed = seed
        self.is_messy = messy
        self.days = days
        self.organisation_zone = organisation_zone
        self.first_day = start or DEFAULT_START
        self.start = self.midnight(self.first_day)
        self.end = self.midnight(self.first_day + timedelta(days=days))
        self._sites = build(
            sites=sites,
            seed=seed,
            start=self.start,
            days=days,
            timezones=timezones,
        )
        changes: tuple[SiteChange, ...] = ()
        if messy:
            self._sites, changes = site_history.made_messy(self._sites, self.start, days, seed)
        self._changes: dict[int, list[SiteChange]] = {}
        for change in changes:
            self._changes.setdefault(change.index, []).append(change)
        drawn: list[Scenario] = []
        if messy and not quiet:
            drawn = messy_sampling.draw_messy(self._sites, changes, self.start, days, seed)
        elif not quiet:
            drawn = scenario_sampling.draw(self._sites, self.start, days, seed)
        self.scenarios = tuple(sorted([*drawn, *scenarios], key=lambda scenario: scenario.onset))
        unknown = {index for scenario in scenarios for index in scenario.sites} - set(range(sites))
        if unknown:
            raise ValueError(f"scenarios name sites {sorted(unknown)} of a world of {sites}")
        self.model = MeasurementModel(self._sites, self.scenarios, seed, self.start, focus)
        self.index_of = {site.site_id: site.index for site in self._sites}

    def midnight(self, day: date) -> datetime:
        """The start of a day of the organisation, in UTC."""
        return datetime.combine(day, time(), ZoneInfo(self.organisation_zone)).astimezone(UTC)

    def sites(self) -> tuple[Site, ...]:
        """All sites that ever are, as they were built, in order of index."""
        return self._sites

    def sites_at(self, moment: datetime) -> list[Site]:
        """The sites of the organisation at a moment, as they are called then, in order of index."""
        return [
            site_history.at_moment(site, self._changes, moment)
            for site in self._sites
            if site.exists_at(moment)
        ]

    def site_at(self, index: int, moment: datetime) -> Site | None:
        """One of them, or None if it is not there then."""
        site = self._sites[index]
        return site_history.at_moment(site, self._changes, moment) if site.exists_at(moment) else None

    def site_changes(self) -> list[datetime]:
        """When sites are renamed or moved."""
        return [change.at for changes in self._changes.values() for change in changes]

    @cached_property
    def truth(self) -> tuple[LabelledIncident, ...]:
        """The true incidents, by the onset of their causes."""
        parts: dict[str | int, list[tuple[int, Scenario]]] = {}
        for number, scenario in enumerate(self.scenarios):
            parts.setdefault(scenario.incident or number, []).append((number, scenario))
        return tuple(
            self._incident(some[0][0], [scenario for _, scenario in some]) for some in parts.values()
        )

    def incident_id(self, number: int) -> str:
        """The true incident of which a scenario is a part, by the scenario's place among all."""
        name = self.scenarios[number].incident
        if name:
            number = next(place for place, one in enumerate(self.scenarios) if one.incident == name)
        first = self.scenarios[number]
        return stable_uuid(self.seed, "incident", number, first.kind, first.onset)

    def truth_frame(self) -> pl.DataFrame:
        """The truth as a frame: the columns of `LabelledIncident` and its harm in all, `cause` as a list of `name=value`."""
        return pl.DataFrame(
            [
                {
                    "incident_id": incident.incident_id,
                    "kind": incident.kind,
                    "site_ids": list(incident.site_ids),
                    "family": incident.family,
                    "metrics": list(incident.metrics),
                    "onset": incident.onset,
                    "critical_at": incident.critical_at,
                    "end": incident.end,
                    "cause": [f"{name}={value}" for name, value in sorted(incident.cause.items())],
                    "is_decoy": incident.is_decoy,
                    "harm_at": incident.harm_at,
                    "began_at": incident.began_at,
                    "user_minutes": incident.user_minutes,
                }
                for incident in self.truth
            ],
            schema={
                "incident_id": pl.String,
                "kind": pl.String,
                "site_ids": pl.List(pl.String),
                "family": pl.String,
                "metrics": pl.List(pl.String),
                "onset": pl.Datetime("us", "UTC"),
                "critical_at": pl.Datetime("us", "UTC"),
                "end": pl.Datetime("us", "UTC"),
                "cause": pl.List(pl.String),
                "is_decoy": pl.Boolean,
                "harm_at": pl.Datetime("us", "UTC"),
                "began_at": pl.Datetime("us", "UTC"),
                "user_minutes": pl.Float64,
            },
        )

    def _incident(self, number: int, parts: Sequence[Scenario]) -> LabelledIncident:
        first = parts[0]
        moved = {item.metric for part in parts for item in part.effects}
        if any(part.offline > 0 and not part.is_silent for part in parts):
            moved.add("ap-availability")
        harms = harm.harms(self.model, parts, self.end)
        index_of = {one.site_id: self.index_of[one.site_id] for one in harms}
        # In a tidy world a scenario is an incident at all of its sites, whoever is there.
        told = [one for one in harms if one.harm_at is not None] if self.is_messy else []
        sites = tuple(index_of[one.site_id] for one in told) if told else first.sites
        if not told and len(parts) > 1:
            sites = tuple(index_of.values())
        seen = {
            metric for metric in moved if any(metric not in self._sites[index].unsupported for index in sites)
        }
        onset = min((one.felt_at for one in told if one.felt_at is not None), default=first.onset)
        # An earlier part of a cause does not make its incident critical before anybody feels it.
        critical_at = min((at for at in map(self._critical_at, parts) if at is not None), default=None)
        return LabelledIncident(
            incident_id=self.incident_id(number),
            kind=first.kind,
            site_ids=tuple(self._sites[index].site_id for index in sites),
            family=first.family,
            metrics=tuple(metric for metric in METRICS if metric in seen),
            onset=onset,
            critical_at=None if critical_at is None else max(critical_at, onset),
            end=max(part.end for part in parts),
            cause=_joined([part.cause for part in parts]),
            is_decoy=first.is_decoy or (self.is_messy and not told),
            harms=harms,
            began_at=first.onset,
        )

    def _critical_at(self, scenario: Scenario) -> datetime | None:
        """First of two hours running with an expected score below 70, at the site and metric that gets there first."""
        first = opening_hours.hour_of(scenario.onset)
        hours = np.arange(first, min(opening_hours.hour_of(scenario.end), first + 24 * 400) + 1)
        course = scenario.course(np.asarray(hours + 0.5, dtype=np.float64))
        earliest: int | None = None
        peaks = [(item.metric, item.peak) for item in scenario.effects]
        if scenario.offline > 0 and not scenario.is_silent:
            peaks.append(("ap-availability", scenario.offline))
        for metric, peak in peaks:
            base = self.model.base[list(scenario.sites), METRICS.index(metric)].max()
            below = 1.0 - (1.0 - base) * (1.0 - peak * course) > _CRITICAL_SHARE
            lasting = np.flatnonzero(below[:-1] & below[1:])
            if lasting.size and (earliest is None or hours[lasting[0]] < earliest):
                earliest = int(hours[lasting[0]])
        return None if earliest is None else max(opening_hours.moment_of(earliest), scenario.onset)

    def firmware(self, model: str, site: int, moment: datetime) -> str:
        """What the APs of a model at a site run at a moment: that of the newest roll-out, else the initial one."""
        version = FIRMWARE[model]
        for scenario, sites in self._rollouts:
            if scenario.cause["model"] == model and site in sites and scenario.onset <= moment < scenario.end:
                version = scenario.cause["firmware"]
        return version

    @cached_property
    def _rollouts(self) -> tuple[tuple[Scenario, frozenset[int]], ...]:
        return tuple(
            (scenario, frozenset(scenario.sites))
            for scenario in self.scenarios
            if "firmware" in scenario.cause
        )

    def history(
        self,
        start_day: date,
        end_day: date,
        *,
        groups: Sequence[Group] = ("wifi",),
        device_counts: bool = True,
        only_scores: bool = False,
    ) -> dict[str, pl.DataFrame]:
        """Frames in the shapes of the history tables, for whole days of the organisation.

        Args:
            start_day: First day.
            end_day: Last day, included.
            groups: Which metrics.
            device_counts: Whether `num_aps_connected` is known (as when a live job asked every hour) or null (as
                after a backfill).
            only_scores: Whether hours without classifiers are enough, as an organisation too large for its calls has them:
                `sites`, `sle_hourly` and `site_hourly` alone, in a third of the time and memory.

        Returns:
            `sites`, `sle_hourly`, `site_hourly`, `classifiers_hourly`, `sle_daily`, `classifiers_daily`.
        """
        if end_day < start_day:
            raise ValueError(f"the last day {end_day} is before the first {start_day}")
        metrics = [name for name in METRICS if CATALOGUE[name].group in groups]
        return direct_frames.history(
            self, start_day, end_day, metrics, device_counts=device_counts, only_scores=only_scores
        )
