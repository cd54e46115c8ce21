"""Hourly frames as dense arrays, one line per series, one column per hour.

Here: the way from ``history.*`` frames into NumPy, the order of series and hours. Not here: what is normal
(`expectation`), how surprising something is (`tails`), the loop over blocks (`model`), local time (``stats.local_time``).

One reading of one site, 09:00 on the first day of the epoch, in a matrix of series × 24 hours:

>>> hour = pl.Series("hour", [9 * 3_600_000_000]).cast(pl.Datetime("us", "UTC"))
>>> reading = {"site_id": "a", "metric": "coverage", "state": "ok", "score_pct": 90.0}
>>> minutes = {"total_user_minutes": 600.0, "degraded_user_minutes": 60.0}
>>> of_site = {"site_id": "a", "num_clients": 10, "num_aps": 4, "num_aps_connected": 4}
>>> matrix = hourly_matrix(
...     pl.DataFrame({"hour": hour, **reading, **minutes}),
...     pl.DataFrame({"hour": hour, "site_id": "a", "metric": "coverage", "classifier": "weak-signal", **minutes}),
...     pl.DataFrame({"hour": hour, **of_site}),
...     first_hour=0, end_hour=24,
...     known_series=pl.DataFrame(schema=dict.fromkeys(SERIES_KEY, pl.String)), known_sites=[],
... )
>>> matrix.observed.shape, matrix.observed[:, 9], matrix.series["classifier"].to_list()
((2, 24), array([60., 60.], dtype=float32), ['', 'weak-signal'])
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Singles
from mist_pipeline.analysis.stats.local_time import hour_numbers
from mist_pipeline.analysis.stats.sample_size import MINUTES_PER_CLIENT

SERIES_KEY = ["site_id", "metric", "classifier"]
BLOCK = 24
"""Hours of one block. Blocks are UTC days, counted from the epoch, whatever the history's first hour."""


@dataclass(frozen=True)
class HourlyMatrix:
    """All series of some sites over some hours.

    Attributes:
        series: ``site_id``, ``metric``, ``classifier``, sorted by them; row i is line i of the arrays.
        site_ids: Sorted ids of all sites, of those without any series too.
        site_of: For every series the position of its site.
        first_hour: Hours since the epoch of column 0; a multiple of 24.
        observed: Degraded user-minutes, series × hours; 0 where there is no reading.
        exposure: Total user-minutes, series × hours; 0 where there is no reading or there were no users.
        estimated: Whether the exposure was estimated from the number of clients, series × hours.
        clients: Connected clients, sites × hours; NaN where not known.
        alive: Connected share of the access points, sites × hours; NaN where not known.
        is_missing: Requested, and the cloud had nothing for any metric, sites × hours.
        is_asked: At least one metric was requested, sites × hours.
    """

    series: pl.DataFrame
    site_ids: list[str]
    site_of: Ints
    first_hour: int
    observed: Singles
    exposure: Singles
    estimated: Flags
    clients: Singles
    alive: Singles
    is_missing: Flags
    is_asked: Flags

    @property
    def hours(self) -> int:
        """How many hours the arrays cover."""
        return int(self.observed.shape[1])

    @cached_property
    def has_estimates(self) -> bool:
        """Whether any exposure was estimated at all."""
        return bool(self.estimated.any())

    def followed_by(self, later: "HourlyMatrix") -> "HourlyMatrix":
        """These hours and later ones, as if made of the rows of both.

        Args:
            later: The hours that follow, of these series and sites and perhaps of others; a line that is new has nothing here.

        Raises:
            ValueError: There are hours between them, or a series or site of these is missing there.
        """
        if later.first_hour != self.first_hour + self.hours:
            raise ValueError(
                f"hours from {self.first_hour + self.hours} expected, got from {later.first_hour}"
            )
        line, site = _places(self.series, later.series), _places_of_sites(self.site_ids, later.site_ids)

        def joined(name: str, place: Ints, nothing: float) -> Any:
            before, after = getattr(self, name), getattr(later, name)
            both = np.full((after.shape[0], self.hours + later.hours), nothing, before.dtype)
            both[:, self.hours :] = after
            both[place, : self.hours] = before
            return both

        return replace(
            later,
            first_hour=self.first_hour,
            **{name: joined(name, line, 0) for name in ("observed", "exposure", "estimated")},
            **{name: joined(name, site, np.nan) for name in ("clients", "alive")},
            **{name: joined(name, site, 0) for name in ("is_missing", "is_asked")},
        )


def hourly_matrix(
    sle_hourly: pl.DataFrame,
    classifiers_hourly: pl.DataFrame,
    site_hourly: pl.DataFrame,
    *,
    first_hour: int,
    end_hour: int,
    known_series: pl.DataFrame,
    known_sites: list[str],
) -> HourlyMatrix:
    """Dense arrays of everything between two hours.

    Where ``total_user_minutes`` is null but there is a score (the organisation endpoint gives scores only), exposure is
    60 minutes for each client of that hour and the reading counts as estimated. Readings whose state is not ``ok``
    contribute nothing: missing is never zero and never healthy.

    Args:
        sle_hourly: As ``history.sle_hourly``.
        classifiers_hourly: As ``history.classifiers_hourly``.
        site_hourly: As ``history.site_hourly``.
        first_hour: First hour since the epoch, a multiple of 24.
        end_hour: The hour after the last.
        known_series: Series (``site_id``, ``metric``, ``classifier``) that must have a line even without readings.
        known_sites: Sites that must have a line even without readings.
    """
    within = (hour_numbers() >= first_hour) & (hour_numbers() < end_hour)
    at = (hour_numbers() - first_hour).alias("at")
    clients = site_hourly.filter(within).select("site_id", at, "num_clients", "num_aps", "num_aps_connected")
    readings = sle_hourly.filter(within).select("site_id", "metric", at, "state", "score_pct", *_MINUTES)
    parts = (
        classifiers_hourly.filter(within)
        .select(*SERIES_KEY, at, *_MINUTES)
        .filter(pl.col("classifier") != "")
        .drop_nulls(_MINUTES)
    )
    known = known_series.select(SERIES_KEY)
    hours = end_hour - first_hour
    # Texts are compared once: all that follows works with their numbers, in their order.
    named = pl.Series("site_id", known_sites, dtype=pl.String)
    sites, metrics, classifiers = (
        _Names.of(columns)
        for columns in (
            [named, *(frame["site_id"] for frame in (known, clients, readings, parts))],
            [frame["metric"] for frame in (known, readings, parts)],
            [pl.Series([""]), known["classifier"], parts["classifier"]],
        )
    )
    seen = _Seen(sites.numbers(clients["site_id"]), clients["at"].to_numpy(), clients)
    of_sites, of_pairs = (len(sites), hours), (len(sites), len(metrics))
    whole = _Minutes.empty(len(sites) * len(metrics), hours)
    is_asked, has_some = np.zeros(of_sites, np.bool_), np.zeros(of_sites, np.bool_)
    connected, alive = seen.devices(of_sites)
    counted = seen.clients(of_sites)
    # Rows in slices: what is worked out for each row, and thrown away, would take more memory than the rows.
    for some in readings.iter_slices(_ROWS_AT_ONCE):
        site, at_hour = sites.numbers(some["site_id"]), some["at"].to_numpy()
        pair = np.ravel_multi_index((site, metrics.numbers(some["metric"])), of_pairs)
        whole.put(pair, at_hour, _totals(some, counted[site, at_hour]))
        is_supported = (some["state"] != "not_supported").fill_null(value=False).to_numpy()
        is_there = is_supported & (some["state"] != "missing").fill_null(value=False).to_numpy()
        is_asked[site[is_supported], at_hour[is_supported]] = True
        has_some[site[is_there], at_hour[is_there]] = True
    # A place for each possible series, true where there is one: so the numbers of all come out in their order.
    shape = (*of_pairs, len(classifiers))
    is_series = np.zeros(shape, np.bool_)
    is_series[..., 0] = whole.is_there.any(axis=1).reshape(of_pairs)
    flat = is_series.reshape(-1)
    of_parts, of_known = (
        np.ravel_multi_index(
            tuple(
                names.numbers(frame[name])
                for names, name in zip((sites, metrics, classifiers), SERIES_KEY, strict=True)
            ),
            shape,
        )
        for frame in (parts, known)
    )
    flat[of_parts] = flat[of_known] = True
    found = np.flatnonzero(flat)
    site_of, metric_of, classifier_of = np.unravel_index(found, shape)
    line_of = np.zeros(flat.size, np.int64)
    line_of[found] = np.arange(found.size)
    lines = _Minutes.empty(found.size, hours)
    is_whole = classifier_of == 0
    lines.take(is_whole, whole, np.ravel_multi_index((site_of[is_whole], metric_of[is_whole]), of_pairs))
    total, degraded = (parts[name].to_numpy() for name in _MINUTES)
    lines.put(line_of[of_parts], parts["at"].to_numpy(), (total, degraded, np.zeros(total.size, np.bool_)))
    return HourlyMatrix(
        series=pl.DataFrame(
            {
                "site_id": sites.texts.gather(site_of),
                "metric": metrics.texts.gather(metric_of),
                "classifier": classifiers.texts.gather(classifier_of),
            }
        ),
        site_ids=sites.texts.to_list(),
        site_of=site_of.astype(np.int64),
        first_hour=first_hour,
        observed=lines.observed,
        exposure=lines.exposure,
        estimated=lines.estimated,
        clients=connected,
        alive=alive,
        is_missing=is_asked & ~has_some,
        is_asked=is_asked,
    )


def _places(series: pl.DataFrame, among: pl.DataFrame) -> Ints:
    """Position of each series among others that contain it."""
    if series.equals(among):
        return np.arange(series.height)
    found = series.join(among.with_row_index("place"), on=SERIES_KEY, how="left", maintain_order="left")
    if found["place"].has_nulls():
        raise ValueError("series are missing of which there were hours before")
    return found["place"].to_numpy().astype(np.int64)


def _places_of_sites(site_ids: list[str], among: list[str]) -> Ints:
    place = {site: number for number, site in enumerate(among)}
    if lost := set(site_ids) - place.keys():
        raise ValueError(f"{len(lost)} sites are missing of which there were hours before")
    return np.array([place[site] for site in site_ids], np.int64)


_ROWS_AT_ONCE = 2_000_000
_MINUTES = ["total_user_minutes", "degraded_user_minutes"]


@dataclass(frozen=True)
class _Names:
    """Texts, sorted, each once; their places are their numbers."""

    texts: pl.Series

    @classmethod
    def of(cls, columns: Sequence[pl.Series]) -> "_Names":
        return cls(pl.concat([column.unique().cast(pl.String) for column in columns]).unique().sort())

    def __len__(self) -> int:
        return len(self.texts)

    def numbers(self, column: pl.Series) -> Ints:
        """The number of each."""
        return column.cast(pl.Enum(self.texts)).to_physical().to_numpy().astype(np.int64)


@dataclass(frozen=True)
class _Minutes:
    """User-minutes of some series, series × hours, as in `HourlyMatrix`; and where there is a reading."""

    observed: Singles
    exposure: Singles
    estimated: Flags
    is_there: Flags

    @classmethod
    def empty(cls, lines: int, hours: int) -> "_Minutes":
        shape = (lines, hours)
        return cls(
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.bool_),
        )

    def put(self, line: Ints, at: Ints, minutes: tuple[Floats, Floats, Flags]) -> None:
        """Readings: total, degraded and whether they are estimated; NaN where there is none."""
        total, degraded, is_estimated = minutes
        kept = ~(np.isnan(total) | np.isnan(degraded))
        line, at, total = line[kept], at[kept], total[kept]
        self.exposure[line, at] = total
        self.observed[line, at] = np.clip(degraded[kept], 0.0, total)
        self.estimated[line, at] = is_estimated[kept]
        self.is_there[line, at] = True

    def take(self, lines: Flags, others: "_Minutes", of: Ints) -> None:
        """Those of others for these lines."""
        self.observed[lines], self.exposure[lines] = others.observed[of], others.exposure[of]
        self.estimated[lines] = others.estimated[of]


def _totals(readings: pl.DataFrame, clients: Floats) -> tuple[Floats, Floats, Flags]:
    """User-minutes of whole metrics, estimated from the clients where only a score is known; NaN where there are none."""
    is_ok = (readings["state"] == "ok").fill_null(value=False).to_numpy()
    total, degraded, score = (readings[name].to_numpy() for name in (*_MINUTES, "score_pct"))
    is_estimated = np.isnan(total)
    total = np.where(is_estimated, MINUTES_PER_CLIENT * clients, total)
    degraded = np.where(np.isnan(degraded), total * (1.0 - score / 100.0), degraded)
    return np.where(is_ok & (total > 0), total, np.nan), degraded, is_estimated


@dataclass(frozen=True)
class _Seen:
    """Clients and devices of sites: site and hour of each row, and the rows."""

    site: Ints
    at: Ints
    rows: pl.DataFrame

    def clients(self, shape: tuple[int, int]) -> Floats:
        """Clients, sites × hours; NaN where not known."""
        found = np.full(shape, np.nan)
        found[self.site, self.at] = self.rows["num_clients"].cast(pl.Float64).to_numpy()
        return found

    def devices(self, shape: tuple[int, int]) -> tuple[Singles, Singles]:
        """Clients and the connected share of access points, sites × hours; NaN where not known."""
        share = pl.when(pl.col("num_aps") > 0).then(pl.col("num_aps_connected") / pl.col("num_aps"))
        alive = np.full(shape, np.nan, np.float32)
        alive[self.site, self.at] = self.rows.select(share.cast(pl.Float32)).to_series().to_numpy()
        return self.clients(shape).astype(np.float32), alive
