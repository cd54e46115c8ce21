"""The simulated organisation as one value: parameters in, sites, truth and measurements out; no clock, no network.

A world is a function of its arguments. Its days run from `start` in the organisation's zone; nothing is stored, any
window is computed when asked for.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from mist_pipeline.domain.metrics import CATALOGUE, Group
from mist_pipeline.simulator.world import direct_frames, harm, opening_hours, scenario_sampling
from mist_pipeline.simulator.world.measurements import MeasurementModel
from mist_pipeline.simulator.world.metric_profiles import METRICS
from mist_pipeline.simulator.world.organisation import FIRMWARE, ORG_ID, Site, build, stable_uuid
from mist_pipeline.simulator.world.scenario import LabelledIncident, Scenario

__all__ = ["ORG_ID", "World"]

DEFAULT_START: Final = date(2026, 2, 2)
_CRITICAL_SHARE: Final = 0.30


class World:
    """A simulated Mist organisation.

    Args:
        sites: How many sites, 0–20,000.
        days: Length of the world in days; measurements go on afterwards, troubles do not.
        seed: Same arguments, same world.
        start: First day, in the organisation's zone. Default: Monday, 2 February 2026.
        scenarios: What goes wrong besides what is drawn from the seed.
        quiet: Draw no troubles and decoys; only `scenarios` happen.
        timezones: IANA names that sites are drawn from; default: ten of five continents.
        organisation_zone: Zone of the organisation, which decides what a day is.

    Attributes:
        scenarios: All of them, by onset.
        model: Computes measurements.

    Raises:
        ValueError: For a number of sites or days that makes no world.
    """

    def __init__(
        self,
        sites: int = 24,
        days: int = 60,
        seed: int = 7,
        *,
        start: date | None = None,
        scenarios: Sequence[Scenario] = (),
        quiet: bool = False,
        timezones: Sequence[str] | None = None,
        organisation_zone: str = "UTC",
    ) -> None:
        if not 0 <= sites <= 20_000:
            raise ValueError(f"a world has 0 to 20,000 sites, not {sites}")
        if days < 1:
            raise ValueError(f"a world lasts at least one day, not {days}")
        self.seed = seed
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
        drawn = [] if quiet else scenario_sampling.draw(self._sites, self.start, days, seed)
        self.scenarios = tuple(sorted([*drawn, *scenarios], key=lambda scenario: scenario.onset))
        unknown = {index for scenario in scenarios for index in scenario.sites} - set(range(sites))
        if unknown:
            raise ValueError(f"scenarios name sites {sorted(unknown)} of a world of {sites}")
        self.model = MeasurementModel(self._sites, self.scenarios, seed)
        self.index_of = {site.site_id: site.index for site in self._sites}

    def midnight(self, day: date) -> datetime:
        """The start of a day of the organisation, in UTC."""
        return datetime.combine(day, time(), ZoneInfo(self.organisation_zone)).astimezone(UTC)

    def sites(self) -> tuple[Site, ...]:
        """All sites, in order of index."""
        return self._sites

    @cached_property
    def truth(self) -> tuple[LabelledIncident, ...]:
        """The true incidents, by onset."""
        return tuple(self._incident(number, scenario) for number, scenario in enumerate(self.scenarios))

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
                "user_minutes": pl.Float64,
            },
        )

    def _incident(self, number: int, scenario: Scenario) -> LabelledIncident:
        moved = {item.metric for item in scenario.effects}
        if scenario.offline > 0 and not scenario.is_silent:
            moved.add("ap-availability")
        seen = {
            metric
            for metric in moved
            if any(metric not in self._sites[index].unsupported for index in scenario.sites)
        }
        return LabelledIncident(
            incident_id=stable_uuid(self.seed, "incident", number, scenario.kind, scenario.onset),
            kind=scenario.kind,
            site_ids=tuple(self._sites[index].site_id for index in scenario.sites),
            family=scenario.family,
            metrics=tuple(metric for metric in METRICS if metric in seen),
            onset=scenario.onset,
            critical_at=self._critical_at(scenario),
            end=scenario.end,
            cause=scenario.cause,
            is_decoy=scenario.is_decoy,
            harms=harm.harms(self.model, scenario, self.end),
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
    ) -> dict[str, pl.DataFrame]:
        """Frames in the shapes of the history tables, for whole days of the organisation.

        Args:
            start_day: First day.
            end_day: Last day, included.
            groups: Which metrics.
            device_counts: Whether `num_aps_connected` is known (as when a live job asked every hour) or null (as
                after a backfill).

        Returns:
            `sites`, `sle_hourly`, `site_hourly`, `classifiers_hourly`, `sle_daily`, `classifiers_daily`.
        """
        if end_day < start_day:
            raise ValueError(f"the last day {end_day} is before the first {start_day}")
        metrics = [name for name in METRICS if CATALOGUE[name].group in groups]
        return direct_frames.history(self, start_day, end_day, metrics, device_counts=device_counts)
