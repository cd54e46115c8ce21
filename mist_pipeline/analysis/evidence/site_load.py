"""Signals of a site as a whole: more or fewer clients than usual, and silence.

Here: what number of clients is usual at a site in an hour of the week, how surprising another number is, and when a site
counts as silent. Not here: the service levels' own evidence (`windows`), and what people are told (``findings``).

Load is compared with the same local hour of past weeks. Silence is missing data *and* dead devices; where devices are
unknown, missing data where there usually are users. No users while the devices live is load, never silence.

A site that was seen once with ten clients, on Monday at 09:00, is expected to have them at 09:00 of every working day:

>>> loads = SiteLoads.empty(["a"], windows=2)
>>> loads.clients[0, 9], loads.weight[0, 9] = 10.0, 1.0  # sites × 168 hours of the week
>>> loads.usual().shape, loads.usual()[0, [9, 24 + 9, 24 + 10, 5 * 24 + 9]]
((1, 168), array([10., 10., nan, nan]))
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence import tails
from mist_pipeline.analysis.evidence.hourly_matrix import HourlyMatrix
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, running_sums
from mist_pipeline.analysis.stats.local_time import LocalTime
from mist_pipeline.analysis.stats.sample_size import MINUTES_PER_CLIENT

WEEK = 168
LOAD, SILENCE = "load", "silence"
OUTAGE = "outage"
"""Classifier of silence: all of the site, and not a part of its devices."""
LOAD_WINDOWS = 24
"""Load is tested over windows up to this many hours."""
_SLOT_FORGET = 0.5 ** (1 / 3)
_SHAPE_WEIGHT = 0.5
_SPREAD_WEIGHT, _SPREAD_FORGET = 240.0, 0.5 ** (1 / 21)
_RATE_FORGET = 0.5 ** (1 / 60)
_MATURE_DAYS = 14.0
_WINSOR = 2.5
_DEAD, _DAMAGED = 0.1, 0.6
_MIN_EXPECTED_CLIENTS = 4.0
SIDES = ("surge", "drop")


@dataclass
class SiteLoads:
    """Usual load of all sites.

    Attributes:
        site_ids: Order of the arrays.
        clients: Forgotten sums of clients by local hour of the week, sites × 168.
        weight: How many hours they are, sites × 168.
        days: Days with a known number of clients.
        spread: Forgotten sum of squared standardised residuals.
        spread_weight: How many.
        asked: Forgotten number of hours in which the site was asked.
        silent: Forgotten number of times that it fell silent: began to be missing altogether, while most other sites were not.
        moments: Regression sums over all sites, windows × 5.
        counts: Histograms of nominal surprise, (surge, drop) × windows × bins.
        typical: Forgotten sum and number of all sites' capped squared standardised residuals.
    """

    site_ids: list[str]
    clients: Floats
    weight: Floats
    days: Floats
    spread: Floats
    spread_weight: Floats
    asked: Floats
    silent: Floats
    moments: Floats
    counts: Floats
    typical: Floats

    @classmethod
    def empty(cls, site_ids: list[str], windows: int) -> "SiteLoads":
        """Nothing known yet."""
        n = len(site_ids)
        return cls(
            site_ids=site_ids,
            clients=np.zeros((n, WEEK)),
            weight=np.zeros((n, WEEK)),
            days=np.zeros(n),
            spread=np.zeros(n),
            spread_weight=np.zeros(n),
            asked=np.zeros(n),
            silent=np.zeros(n),
            moments=np.zeros((windows, tails.MOMENTS)),
            counts=np.zeros((2, windows, tails.BINS)),
            typical=np.zeros(2),
        )

    def aligned(self, site_ids: list[str]) -> "SiteLoads":
        """A copy that follows these sites, which must contain its own."""
        new = SiteLoads.empty(site_ids, self.moments.shape[0])
        place = {site: i for i, site in enumerate(site_ids)}
        at = np.array([place[site] for site in self.site_ids], np.int64)
        for name in ("clients", "weight", "days", "spread", "spread_weight", "asked", "silent"):
            getattr(new, name)[at] = getattr(self, name)
        new.moments, new.counts, new.typical = self.moments.copy(), self.counts.copy(), self.typical.copy()
        return new

    def usual(self) -> Floats:
        """Usual clients by local hour of the week (sites × 168); NaN where the hour was never seen on such a day."""
        by_day = (len(self.site_ids), 7, 24)
        clients, weight = self.clients.reshape(by_day), self.weight.reshape(by_day)
        value = np.empty(by_day)
        for days in (slice(0, 5), slice(5, 7)):
            total = weight[:, days].sum(axis=1, keepdims=True)
            shape = np.divide(
                clients[:, days].sum(axis=1, keepdims=True),
                total,
                out=np.full_like(total, np.nan),
                where=total > 0,
            )
            value[:, days] = (clients[:, days] + _SHAPE_WEIGHT * shape) / (weight[:, days] + _SHAPE_WEIGHT)
        return value.reshape(-1, WEEK)


@dataclass(frozen=True)
class _Hours:
    """Known and usual clients of one block with its look-back, sites × hours, and the spread of each site."""

    known: Flags
    clients: Floats
    usual: Floats
    scale: Floats


def _hours(matrix: HourlyMatrix, local: LocalTime, loads: SiteLoads, begin: int, end: int) -> _Hours:
    slot = local.hour_of_week[local.zone_of, begin:end]
    usual = np.take_along_axis(loads.usual(), slot, axis=1)
    clients = matrix.clients[:, begin:end].astype(np.float64)
    known = ~np.isnan(clients) & ~np.isnan(usual)
    typical = loads.typical[0] / loads.typical[1] if loads.typical[1] else 1.0
    scale = (_SPREAD_WEIGHT + loads.spread / typical) / (_SPREAD_WEIGHT + loads.spread_weight)
    return _Hours(known, np.where(known, clients, 0.0), np.where(known, usual, 0.0), np.clip(scale, 0.3, 6.0))


@dataclass(frozen=True)
class _LoadSums:
    """Sums of one window in client-minutes, sites × hours of the block."""

    observed: Floats
    mean: Floats
    variance: Floats
    plain: Floats


def _load_sums(hours: _Hours, loads: SiteLoads, windows: tuple[int, ...], width: int) -> list[_LoadSums]:
    a, b = tails.dispersion(loads.moments)
    sums = [running_sums(x * MINUTES_PER_CLIENT) for x in (hours.clients, hours.usual)]
    until = np.arange(sums[0].shape[1] - width, sums[0].shape[1])
    result = []
    for i, window in enumerate(windows):
        observed, mean = (x[:, until] - x[:, until - window] for x in sums)
        plain = np.maximum(a[i] * mean + b[i] * mean**2, 1e-9)
        result.append(_LoadSums(observed, np.maximum(mean, 1e-9), plain * hours.scale[:, None], plain))
    return result


def load_evidence(
    matrix: HourlyMatrix,
    local: LocalTime,
    loads: SiteLoads,
    windows: tuple[int, ...],
    begin: int,
    end: int,
    *,
    closes: bool,
) -> pl.DataFrame:
    """Surprising numbers of clients in the columns begin … end of the matrix.

    Args:
        matrix: The data, with a look-back of at least 168 hours before `begin`.
        local: Local time of the matrix.
        loads: What is usual; updated from the block if it is complete.
        windows: Window lengths; those above 24 hours are not tested.
        begin: First column.
        end: Column after the last.
        closes: The block is complete and enters `loads`.

    Returns:
        ``line`` (site), ``at`` (column), ``window_hours``, ``classifier`` (surge, drop), ``observed``, ``expected``
        (client-minutes) and ``surprise``.
    """
    hours = _hours(matrix, local, loads, begin - WEEK, end)
    stretch = tails.calibration(loads.counts)
    tested = tuple(w for w in windows if w <= LOAD_WINDOWS)
    # A frame for each window and side would cost more than all sums.
    found: dict[str, list[Floats | Ints]] = {name: [] for name in ("line", "at", "window_hours", "side")}
    found |= {name: [] for name in ("observed", "expected", "surprise")}
    tested_sums = []
    mature = (loads.days >= _MATURE_DAYS)[:, None]
    width = end - begin
    for i, (window, sums) in enumerate(zip(tested, _load_sums(hours, loads, tested, width), strict=True)):
        enough = mature & (sums.mean >= MINUTES_PER_CLIENT * _MIN_EXPECTED_CLIENTS) & hours.known[:, -width:]
        away = sums.observed - sums.mean
        nominal = np.zeros((2, *away.shape))
        for side, direction in enumerate((1, -1)):
            cells = enough & (direction * away > 0.5 * np.sqrt(sums.variance))
            numbers = sums.observed[cells], sums.mean[cells], sums.variance[cells]
            nominal[side][cells] = (
                tails.upper_surprise(*numbers)
                if side == 0
                else tails.lower_surprise(*numbers, MINUTES_PER_CLIENT)
            )
            surprise = tails.calibrated(nominal[side], stretch[side, i])
            line, at = np.nonzero(cells & (surprise >= 2.0))
            cell: tuple[Floats | Ints, ...] = (
                line, at + begin, np.full(line.size, window, np.int64), np.full(line.size, side, np.int64),
                sums.observed[line, at], sums.mean[line, at], surprise[line, at],
            )  # fmt: skip
            for values, more in zip(found.values(), cell, strict=True):
                values.append(more)
        tested_sums.append((enough, sums, nominal))
    if closes:
        _absorb(loads, matrix, local, hours, tested_sums, tested, begin)
    columns = {name: np.concatenate(values) for name, values in found.items()}
    names = pl.Series(SIDES, dtype=pl.String).gather(columns.pop("side")).alias("classifier")
    return pl.DataFrame(columns).insert_column(3, names)


def _absorb(
    loads: SiteLoads,
    matrix: HourlyMatrix,
    local: LocalTime,
    hours: _Hours,
    tested_sums: list[tuple[Flags, _LoadSums, Floats]],
    tested: tuple[int, ...],
    begin: int,
) -> None:
    """Let the finished block enter the usual load, in place."""
    loads.moments *= tails.POOL_FORGET
    loads.counts *= tails.POOL_FORGET
    loads.typical *= tails.POOL_FORGET
    for i, (window, (enough, sums, nominal)) in enumerate(zip(tested, tested_sums, strict=True)):
        columns = np.arange(23 % window, 24, window)
        cells = enough[:, columns]
        residual, mean, variance = (
            (x[:, columns])[cells] for x in (sums.observed - sums.mean, sums.mean, sums.variance)
        )
        zero = np.zeros(residual.size, np.int64)
        loads.moments[i] += tails.moment_sums(residual, mean, variance, zero, 1)[0]
        for side in range(2):
            loads.counts[side, i] += tails.tail_counts(nominal[side][:, columns][cells], zero, 1)[0]
        if window == 1:
            square = np.where(enough, np.minimum((sums.observed - sums.mean) ** 2 / sums.plain, 9.0), 0.0)
            count = enough.sum(axis=1).astype(np.float64)
            forget = np.where(count > 0, _SPREAD_FORGET, 1.0)
            loads.spread[:] = loads.spread * forget + square.sum(axis=1)
            loads.spread_weight[:] = loads.spread_weight * forget + count
            loads.typical += [
                np.bincount(np.zeros(len(count), np.int64), square.sum(axis=1), 1)[0],
                count.sum(),
            ]
    slots = local.hour_of_week[local.zone_of, begin : begin + 24]
    raw = matrix.clients[:, begin : begin + 24].astype(np.float64)
    usual = np.where(hours.known[:, -24:], hours.usual[:, -24:], np.nan)
    wide = _WINSOR * np.sqrt(np.maximum(usual, 1.0) * 2.0 + 0.15 * usual**2)
    is_old = (loads.days >= _MATURE_DAYS)[:, None] & ~np.isnan(usual)
    value = np.where(is_old, np.clip(raw, np.maximum(usual - wide, 0.0), usual + wide), raw)
    site = np.arange(len(loads.site_ids))
    for hour in range(24):
        seen = ~np.isnan(raw[:, hour])
        rows, slot = site[seen], slots[seen, hour]
        loads.clients[rows, slot] = loads.clients[rows, slot] * _SLOT_FORGET + value[seen, hour]
        loads.weight[rows, slot] = loads.weight[rows, slot] * _SLOT_FORGET + 1.0
    loads.days += (~np.isnan(raw)).any(axis=1)
    asked = matrix.is_asked[:, begin : begin + 24].sum(axis=1)
    day = slice(begin - 1, begin + 24)
    is_alone = matrix.is_missing[:, day] & ~_is_general(matrix, begin - 1, begin + 24)
    # Silent hours come together: what is rare is that they begin.
    begins = is_alone[:, 1:] & ~is_alone[:, :-1]
    forget = np.where(asked > 0, _RATE_FORGET, 1.0)
    loads.asked[:] = loads.asked * forget + asked
    loads.silent[:] = loads.silent * forget + begins.sum(axis=1)


def _is_general(matrix: HourlyMatrix, first: int, end: int) -> Flags:
    """Hours in which more than half of the sites are missing at once: the cloud or the collection is at fault, no site."""
    asked = matrix.is_asked[:, first:end].sum(axis=0)
    is_general: Flags = (matrix.is_missing[:, first:end].sum(axis=0) > 0.5 * asked) & (asked >= 4)
    return is_general


def silence_evidence(
    matrix: HourlyMatrix, local: LocalTime, loads: SiteLoads, windows: tuple[int, ...], begin: int, end: int
) -> pl.DataFrame:
    """Sites that fell silent, and sites that lost devices, in the columns begin … end of the matrix.

    A silent hour has all devices dead, or no data while the devices are unknown and users are usual. Its surprise is how
    rarely this site falls silent (with a weak prior of once in 1,000 hours), 3 more where devices are known to be
    dead, and half as much again for every further silent hour, because silent hours come together. Where more than half
    of all sites are missing at once the cloud or the collection is at fault, and data alone makes no site silent.

    Returns:
        ``line``, ``at``, ``window_hours`` (longest window that was silent throughout), ``classifier`` (``outage``, or
        ``device-loss`` where part of the devices are gone), ``observed`` and ``expected`` client-minutes, ``surprise``.
    """
    first = begin - WEEK
    hours = _hours(matrix, local, loads, first, end)
    alive = matrix.alive[:, first:end]
    missing = matrix.is_missing[:, first:end]
    slot = local.hour_of_week[local.zone_of, first:end]
    usual = np.nan_to_num(np.take_along_axis(loads.usual(), slot, axis=1))
    dead = alive <= _DEAD
    gone = missing & np.isnan(alive) & (usual >= _MIN_EXPECTED_CLIENTS) & ~_is_general(matrix, first, end)
    silent = dead | gone
    damaged = ~silent & (alive <= _DAMAGED)
    rarity = -np.log10((loads.silent + 0.5) / (loads.asked + 500.0))[:, None]
    frames = []
    for name, state, base in (
        (OUTAGE, silent, rarity + np.where(dead, 3.0, 0.0)),
        ("device-loss", damaged, np.full(damaged.shape, 3.0)),
    ):
        run = _run_length(state)[:, begin - first :]
        line, at = np.nonzero(run > 0)
        length = run[line, at]
        longest = np.array(windows)[np.searchsorted(windows, length, side="right") - 1]
        surprise = base[line, at + begin - first] * (1.0 + 0.5 * np.minimum(length - 1, 6))
        frames.append(
            pl.DataFrame(
                {
                    "line": line, "at": at + begin, "window_hours": longest.astype(np.int64),
                    "classifier": pl.Series([name] * line.size, dtype=pl.String),
                    "observed": np.nan_to_num(hours.clients[line, at + begin - first]) * MINUTES_PER_CLIENT,
                    "expected": usual[line, at + begin - first] * MINUTES_PER_CLIENT, "surprise": surprise,
                }
            )
        )  # fmt: skip
    return pl.concat(frames)


def _run_length(state: Flags) -> Ints:
    """How many hours in a row the state has held, up to and with each hour."""
    index = np.arange(1, state.shape[1] + 1)
    last_off = np.maximum.accumulate(np.where(state, 0, index), axis=1)
    run: Ints = np.where(state, index - last_off, 0)
    return run
