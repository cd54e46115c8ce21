"""How soon trouble can be known at all: a bound for "told within 2 h of real harm" of `bench_detection`.

A seer is given what nobody has: the same world without any trouble, from which it learns what each site's noise is like (the expected
share of every hour, the spread and the tail of every window), and which sites a cause will hit. At the last hour that is closed
two hours after real harm it looks at every window of up to a week that began after the trouble did. It knows of the trouble if one is more
surprising than anything that the site shows in all those quiet weeks (``alone``), or if all sites of the cause are together
(``with its peers``). Nothing harmless misleads it. What it does not know then nobody can tell without also telling noise.

That line is crossed once in six weeks by the noise of every site, which is too often. So the same is told of one line for all
sites, which the noise of all of them together crosses as often as false alarms are allowed (0.02 a site-week).

Run with ``.venv/bin/python -m benchmarks.bench_bound --seeds 9201``.
"""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from benchmarks.detection_score import LEARNING_DAYS, PROMPTLY, scored
from benchmarks.worlds import DETECTION
from mist_pipeline.alerts.lifecycle.replay import ALERT_COLUMNS, EVENT_COLUMNS
from mist_pipeline.analysis.evidence import tails
from mist_pipeline.analysis.evidence.hourly_matrix import HourlyMatrix, hourly_matrix
from mist_pipeline.analysis.evidence.windows import WINDOWS
from mist_pipeline.analysis.stats.arrays import Flags, Floats, running_sums
from mist_pipeline.simulator.world.world import World

HOUR = 3600
LARGE = 3
"""Sites from which on a cause is looked for at all of them together."""
_BIN_MINUTES, _LEVEL_MINUTES, _LEVEL_SHARE = 3600.0, 1000.0, 0.03
_LEAST_MINUTES = 60.0
_SCALE_CELLS = 10.0
_BODY, _TAIL = 0.95, 0.9995
FALSE_A_WEEK = 0.02
"""False alarms that a site may cause a week."""
_APART = 24
"""Hours between two crossings of a line that are two alarms."""
_SILENT = frozenset({"site_offline", "wan_storm"})
"""Of these every hour says so by itself."""


def series_of(world: World, known: HourlyMatrix | None = None) -> HourlyMatrix:
    """All hours of a world as arrays; with `known` at least in the order of its series."""
    frames = world.history(
        world.first_day, world.first_day + timedelta(days=world.days - 1), device_counts=False
    )
    none = pl.DataFrame(schema=dict.fromkeys(("site_id", "metric", "classifier"), pl.String))
    return hourly_matrix(
        frames["sle_hourly"],
        frames["classifiers_hourly"],
        frames["site_hourly"],
        first_hour=int(world.start.timestamp()) // HOUR,
        end_hour=int(world.end.timestamp()) // HOUR,
        known_series=none if known is None else known.series,
        known_sites=[] if known is None else known.site_ids,
    )


def usual_shares(quiet: HourlyMatrix) -> Floats:
    """Expected share of every series and hour: by hour of the day, weekends apart, of all quiet weeks."""
    number = np.arange(quiet.observed.shape[1]) + quiet.first_hour
    bins = number % 24 + 24 * ((number // 24 + 3) % 7 >= 5)
    observed, exposure = quiet.observed.astype(np.float64), quiet.exposure.astype(np.float64)
    level = (observed.sum(axis=1) + _LEVEL_SHARE * _LEVEL_MINUTES) / (exposure.sum(axis=1) + _LEVEL_MINUTES)
    shares = np.zeros(observed.shape)
    for one in np.unique(bins):
        at = bins == one
        share = (observed[:, at].sum(axis=1) + _BIN_MINUTES * level) / (
            exposure[:, at].sum(axis=1) + _BIN_MINUTES
        )
        shares[:, at] = share[:, None]
    return shares


def over(values: Floats, hours: int) -> Floats:
    """Sums of the windows that end in each hour; shorter ones at the beginning."""
    sums = running_sums(values)
    first = np.maximum(np.arange(values.shape[1]) + 1 - hours, 0)
    found: Floats = sums[:, 1:] - sums[:, first]
    return found


class Seer:
    """What a seer makes of one world: mean, residual, variance and surprise of every window, series × hours."""

    def __init__(self, world: World, quiet: World) -> None:
        self.first_hour = int(world.start.timestamp()) // HOUR
        noise = series_of(quiet, series_of(world))
        self.data = series_of(world, noise)
        noise = series_of(quiet, self.data)
        names = self.data.series.select(pl.concat_str("metric", "classifier", separator="|"))
        self.pools, self.pool = np.unique(names.to_series().to_numpy(), return_inverse=True)
        shares = usual_shares(noise)
        self.mean: dict[int, Floats] = {}
        self.residual: dict[int, Floats] = {}
        self.variance: dict[int, Floats] = {}
        sites = len(self.data.site_ids)
        since = 24 * LEARNING_DAYS
        self.best, quiet_best = np.zeros(shares.shape), np.zeros((sites, shares.shape[1] - since))
        for hours, (mean, variance, quiet_surprise, surprise) in self._windows(noise, shares):
            self.mean[hours], self.variance[hours] = mean, variance
            self.residual[hours] = over(self.data.observed.astype(np.float64), hours) - mean
            np.maximum(self.best, surprise, out=self.best)
            np.maximum.at(quiet_best, self.data.site_of, quiet_surprise[:, since:])
        self.loudest = quiet_best.max(axis=1)
        self.allowed = np.full(sites, allowed_line(quiet_best))

    def _windows(
        self, noise: HourlyMatrix, shares: Floats
    ) -> Iterator[tuple[int, tuple[Floats, Floats, Floats, Floats]]]:
        """Of every length: mean and variance in the world, surprises of quiet and of its own hours."""
        for hours in WINDOWS:
            usual, mean = (
                np.maximum(over(shares * one.exposure.astype(np.float64), hours), 1e-6)
                for one in (noise, self.data)
            )
            residual = over(noise.observed.astype(np.float64), hours) - usual
            apart = np.arange(hours - 1, residual.shape[1], min(hours, 24))
            ok = over(noise.exposure.astype(np.float64), hours)[:, apart] >= _LEAST_MINUTES
            line = np.nonzero(ok)[0]
            floor, square = np.maximum(usual[:, apart][ok], 1.0), residual[:, apart][ok]
            a, b = np.full(self.pools.size, 150.0), np.full(self.pools.size, 0.1)
            for _ in range(3):
                spread = a[self.pool[line]] * floor + b[self.pool[line]] * floor**2
                a, b = tails.dispersion(
                    tails.moment_sums(square, floor, spread, self.pool[line], self.pools.size)
                )
            spread = a[self.pool[line]] * floor + b[self.pool[line]] * floor**2
            own = np.bincount(line, np.minimum(square**2 / spread, 25.0), minlength=ok.shape[0])
            cells = np.bincount(line, minlength=ok.shape[0])
            scale = ((own + _SCALE_CELLS) / (cells + _SCALE_CELLS))[:, None]
            a, b = a[self.pool][:, None], b[self.pool][:, None]
            pair = []
            for one, expected in ((noise, usual), (self.data, mean)):
                seen = over(one.observed.astype(np.float64), hours)
                users = over(one.exposure.astype(np.float64), hours)
                surprise = tails.upper_surprise(seen, expected, scale * (a * expected + b * expected**2))
                pair.append(np.where((users >= _LEAST_MINUTES) & (seen > expected), surprise, 0.0))
            self._calibrate(*pair)
            yield hours, (mean, scale * (a * mean + b * mean**2), pair[0], pair[1])

    def _calibrate(self, quiet: Floats, own: Floats) -> None:
        """Let the tail of quiet surprises of every pool be what it should be, in place."""
        for pool in range(self.pools.size):
            mine = self.pool == pool
            body, tail = np.quantile(quiet[mine], [_BODY, _TAIL])
            nominal = np.log10((1 - _BODY) / (1 - _TAIL))
            stretch = np.clip(nominal / max(tail - body, 1e-6), 0.2, 2.0)
            for surprise in (quiet, own):
                some = surprise[mine]
                surprise[mine] = np.where(some > body, tails.UPPER_SURPRISE + (some - body) * stretch, some)

    def knows(self, line: Floats, site_id: str, metrics: tuple[str, ...], since: int, until: int) -> bool:
        """Whether one site by itself is above its line, in hours since the beginning."""
        site = self.data.site_ids.index(site_id)
        lines = self._lines(metrics) & (self.data.site_of == site)
        surprise = self.best[lines, since : until + 1]
        return bool(surprise.size) and bool(surprise.max() > line[site])

    def knows_together(
        self, line: Floats, site_ids: tuple[str, ...], metrics: tuple[str, ...], since: int, until: int
    ) -> bool:
        """Whether these sites as one are above the line of the median site."""
        sites = [at for at, name in enumerate(self.data.site_ids) if name in site_ids]
        here = self._lines(metrics) & np.isin(self.data.site_of, sites)
        span, most = slice(since, until + 1), float(np.median(line))
        for pool in np.unique(self.pool[here]):
            mine = here & (self.pool == pool)
            for hours in WINDOWS:
                mean, excess, variance = (
                    values[hours][mine, span].sum(axis=0)
                    for values in (self.mean, self.residual, self.variance)
                )
                more = excess > 0
                found = tails.upper_surprise((mean + excess)[more], mean[more], variance[more])
                if found.size and found.max() > most:
                    return True
        return False

    def _lines(self, metrics: tuple[str, ...]) -> Flags:
        return np.asarray(self.data.series["metric"].is_in(list(metrics)).to_numpy(), dtype=np.bool_)


def allowed_line(quiet: Floats) -> float:
    """The lowest line that surprises of sites × quiet hours cross as often as false alarms are allowed."""
    allowed = FALSE_A_WEEK * quiet.size / (7 * 24)
    low, high = 0.0, float(quiet.max(initial=0.0))
    for _ in range(30):
        line = (low + high) / 2
        low, high = (line, high) if _alarms(quiet > line) > allowed else (low, line)
    return high


def _alarms(is_above: Flags) -> int:
    """How often a line is crossed after a day without it, sites × hours."""
    sums = running_sums(is_above.astype(np.float64))
    hours = np.arange(is_above.shape[1])
    before = sums[:, hours] - sums[:, np.maximum(hours - _APART, 0)]
    return int((is_above & (before == 0)).sum())


def bound(world: World, quiet: World) -> pl.DataFrame:
    """Of every incident that counts at one of its sites whether it can be known two hours after real harm.

    Returns:
        kind; alone, together: above the loudest of the site's own noise; alone_allowed, together_allowed: above the line of `allowed_line`.
    """
    seer = Seer(world, quiet)
    truths = scored(
        world, pl.DataFrame(schema=dict(ALERT_COLUMNS)), pl.DataFrame(schema=dict(EVENT_COLUMNS))
    ).truths
    incidents = {truth.incident_id: truth for truth in world.truth}
    rows = []
    for row in truths.iter_rows(named=True):
        truth = incidents[row["incident"]]
        since = max(_hours(row["began_at"], world.start), 0)
        until = _hours(row["harm_at"] + PROMPTLY, world.start) - 1
        known: list[bool] = []
        for line in (seer.loudest, seer.allowed):
            alone = truth.kind in _SILENT or seer.knows(line, row["site_id"], truth.metrics, since, until)
            together = alone or (
                len(truth.site_ids) >= LARGE
                and seer.knows_together(line, truth.site_ids, truth.metrics, since, until)
            )
            known += [alone, together]
        rows.append((truth.kind, *known))
    columns = ("alone", "together", "alone_allowed", "together_allowed")
    return pl.DataFrame(rows, schema={"kind": pl.String, **dict.fromkeys(columns, pl.Boolean)}, orient="row")


def _hours(moment: datetime, start: datetime) -> int:
    return int((moment.astimezone(UTC) - start).total_seconds() // HOUR)


def _line(name: str, found: pl.DataFrame) -> str:
    shares = (f"{found[column].sum() / found.height:.3f}" for column in found.columns[1:])
    return f"| {name} | {found.height} | {' | '.join(shares)} |"


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=30)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=DETECTION.messy)
    parser.add_argument("--tidy", action="store_true", help="tidy worlds; without it messy ones")
    parser.add_argument("--by-kind", action="store_true", help="a line for each kind of trouble, too")
    chosen = parser.parse_args(arguments)
    print(
        f"{chosen.sites} sites × {chosen.days} days\n\n| known 2 h after real harm | incidents | alone | with its peers "
        f"| alone, {FALSE_A_WEEK} false | with its peers, {FALSE_A_WEEK} false |\n|---|---|---|---|---|---|"
    )
    for seed in chosen.seeds:
        world, quiet = (
            World(chosen.sites, chosen.days, seed, messy=not chosen.tidy, quiet=is_quiet)
            for is_quiet in (False, True)
        )
        found = bound(world, quiet)
        print(_line(f"{'tidy' if chosen.tidy else 'messy'} {seed}", found), flush=True)
        for (kind,), some in sorted(found.group_by("kind")) if chosen.by_kind else ():
            print(_line(str(kind), some))


if __name__ == "__main__":
    main()
