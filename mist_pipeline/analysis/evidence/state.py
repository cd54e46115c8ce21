"""What detection remembers between two runs, and its way to rows of a table and back.

Here: the state as one object and as one long frame (``state.evidence``). Not here: how it is used (`evidence`)
and how a day enters it (`evidence_expectation`, `evidence_load`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence.expectation import SHAPES, Baselines
from mist_pipeline.analysis.evidence.hourly_matrix import SERIES_KEY
from mist_pipeline.analysis.evidence.load import WEEK, Loads
from mist_pipeline.analysis.evidence.tails import BINS, MOMENTS
from mist_pipeline.analysis.stats.arrays import Floats, Ints

POOL_KEY = ["metric", "classifier"]
TAIL_KEY = ["metric", "kind"]
ROW_SCHEMA = {
    "part": pl.String,
    "site_id": pl.String,
    "metric": pl.String,
    "classifier": pl.String,
    "numbers": pl.List(pl.Float64),
}
_SPREAD = 4
_EMPTY_SERIES = dict.fromkeys(SERIES_KEY, pl.String)


@dataclass
class EvidenceState:
    """Everything that hours before `next_hour` have taught; nothing of any later hour.

    Attributes:
        next_hour: Hours since the epoch of the first hour that has not entered yet; a multiple of 24.
        windows: Window lengths in hours that the pooled arrays are for.
        series: ``site_id``, ``metric``, ``classifier`` in the order of `baselines`.
        baselines: Own baselines of the series.
        pools: ``metric``, ``classifier`` in the order of `moments` and `spread`.
        moments: Regression sums for the overdispersion, pools × windows × 5.
        spread: Capped squared standardised residuals of hours and days and their number, pools × 4.
        tails: ``metric``, ``kind`` in the order of `counts`.
        counts: Histograms of nominal surprise, tails × windows × bins.
        loads: Usual clients of each site, and how often it was silent.
    """

    next_hour: int
    windows: tuple[int, ...]
    series: pl.DataFrame
    baselines: Baselines
    pools: pl.DataFrame
    moments: Floats
    spread: Floats
    tails: pl.DataFrame
    counts: Floats
    loads: Loads

    @classmethod
    def empty(cls, next_hour: int, windows: tuple[int, ...]) -> "EvidenceState":
        """The state before any history."""
        return cls(
            next_hour=next_hour,
            windows=windows,
            series=pl.DataFrame(schema=_EMPTY_SERIES),
            baselines=Baselines.empty(0),
            pools=pl.DataFrame(schema=dict.fromkeys(POOL_KEY, pl.String)),
            moments=np.zeros((0, len(windows), MOMENTS)),
            spread=np.zeros((0, _SPREAD)),
            tails=pl.DataFrame(schema=dict.fromkeys(TAIL_KEY, pl.String)),
            counts=np.zeros((0, len(windows), BINS)),
            loads=Loads.empty([], len(windows)),
        )

    def rows(self) -> pl.DataFrame:
        """The state as rows: ``part``, ``site_id``, ``metric``, ``classifier``, ``numbers``; made for storing by day."""
        b = self.baselines
        own = np.hstack(
            [
                b.fast_degraded, b.fast_exposure, b.slow_degraded, b.slow_exposure,
                b.days[:, None], b.spread, b.spread_weight, b.held_days[:, None],
            ]
        )  # fmt: skip
        pooled = np.hstack(
            [self.moments.reshape(self.pools.height, len(self.windows) * MOMENTS), self.spread]
        )
        head = np.array([[self.next_hour, *self.windows]], np.float64)
        parts = [
            _part("head", pl.DataFrame({"site_id": [""]}), head),
            _part("series", self.series, own),
            _part("pool", self.pools, pooled),
            _part(
                "tail",
                self.tails.rename({"kind": "classifier"}),
                self.counts.reshape(self.tails.height, len(self.windows) * BINS),
            ),
            _part(
                "load",
                pl.DataFrame({"site_id": self.loads.site_ids}, schema={"site_id": pl.String}),
                self.loads.numbers(),
            ),
            _part("loads", pl.DataFrame({"site_id": [""]}), self.loads.pooled_numbers()),
        ]
        return pl.concat(parts)

    @classmethod
    def from_rows(cls, rows: pl.DataFrame) -> "EvidenceState":
        """The state from what `rows` gave, in any order of rows.

        Raises:
            ValueError: The rows are not one whole state.
        """
        parts = {
            part: rows.filter(pl.col("part") == part).sort("site_id", "metric", "classifier")
            for part in ("head", "series", "pool", "tail", "load", "loads")
        }
        if parts["head"].height != 1 or parts["loads"].height != 1:
            raise ValueError(
                "evidence state: expected one row each of the parts 'head' and 'loads'; "
                "pass the rows of exactly one day, or none to begin anew"
            )
        head = _numbers(parts["head"], 0)[0]
        windows = tuple(int(w) for w in head[1:])
        width = len(windows)
        own = _numbers(parts["series"], 4 * SHAPES + 6)
        fast_degraded, fast_exposure, slow_degraded, slow_exposure = (
            np.ascontiguousarray(own[:, i * SHAPES : (i + 1) * SHAPES], np.float32) for i in range(4)
        )
        rest = own[:, 4 * SHAPES :].copy()
        pooled = _numbers(parts["pool"], width * MOMENTS + _SPREAD)
        return cls(
            next_hour=int(head[0]),
            windows=windows,
            series=parts["series"].select(SERIES_KEY),
            baselines=Baselines(
                fast_degraded=fast_degraded,
                fast_exposure=fast_exposure,
                slow_degraded=slow_degraded,
                slow_exposure=slow_exposure,
                days=rest[:, 0],
                spread=rest[:, 1:3],
                spread_weight=rest[:, 3:5],
                held_days=rest[:, 5],
            ),
            pools=parts["pool"].select(POOL_KEY),
            moments=pooled[:, :-_SPREAD].reshape(-1, width, MOMENTS).copy(),
            spread=pooled[:, -_SPREAD:].copy(),
            tails=parts["tail"].select("metric", kind="classifier"),
            counts=_numbers(parts["tail"], width * BINS).reshape(-1, width, BINS).copy(),
            loads=Loads.from_numbers(
                parts["load"]["site_id"].to_list(),
                _numbers(parts["load"], 2 * WEEK + Loads.SINGLES),
                _numbers(parts["loads"], 0),
                width,
            ),
        )

    def aligned(self, series: pl.DataFrame, site_ids: list[str]) -> "EvidenceState":
        """A copy whose arrays follow these series and sites, which must contain its own; new ones know nothing yet."""
        place = _places(self.series, series, SERIES_KEY)
        b, old = Baselines.empty(series.height), self.baselines
        for name in vars(b):
            getattr(b, name)[place] = getattr(old, name)
        pools = series.select(POOL_KEY).unique().sort(POOL_KEY)
        kinds = pl.when(pl.col("classifier") == "").then(pl.lit("whole")).otherwise(pl.lit("classifier"))
        tails = (
            pl.concat([pools.select("metric", kind=kinds), pools.select("metric", kind=kinds + "-group")])
            .unique()
            .sort(TAIL_KEY)
        )
        width = len(self.windows)
        moments, spread = np.zeros((pools.height, width, MOMENTS)), np.zeros((pools.height, _SPREAD))
        counts = np.zeros((tails.height, width, BINS))
        at = _places(self.pools, pools, POOL_KEY)
        moments[at], spread[at] = self.moments, self.spread
        counts[_places(self.tails, tails, TAIL_KEY)] = self.counts
        return EvidenceState(
            next_hour=self.next_hour, windows=self.windows, series=series, baselines=b, pools=pools, moments=moments,
            spread=spread, tails=tails, counts=counts, loads=self.loads.aligned(site_ids),
        )  # fmt: skip

    def pool_of_series(self) -> Ints:
        """For every series the position of its pool."""
        return _places(self.series, self.pools, POOL_KEY)

    def tail_of_pool(self, suffix: str = "") -> Ints:
        """For every pool the position of its tail; with suffix ``-group`` that of its groups' tail."""
        kind = (
            pl.when(pl.col("classifier") == "").then(pl.lit("whole")).otherwise(pl.lit("classifier")) + suffix
        )
        return _places(self.pools.select("metric", kind=kind), self.tails, TAIL_KEY)


def _part(part: str, keys: pl.DataFrame, numbers: Floats) -> pl.DataFrame:
    named = [
        (pl.col(name) if name in keys.columns else pl.lit("")).alias(name)
        for name in ("site_id", "metric", "classifier")
    ]
    lists = pl.Series("numbers", numbers.astype(np.float64), dtype=pl.Array(pl.Float64, numbers.shape[1]))
    return keys.select(named).with_columns(lists.cast(pl.List(pl.Float64))).select(
        pl.lit(part).alias("part"), "site_id", "metric", "classifier", "numbers"
    )  # fmt: skip


def _numbers(rows: pl.DataFrame, width: int) -> Floats:
    """The numbers of some rows as a matrix; a width of 0 takes the rows' own."""
    if rows.height == 0:
        return np.zeros((0, width))
    lengths = rows["numbers"].list.len().unique()
    if lengths.len() != 1 or (width and lengths[0] != width):
        raise ValueError(
            f"evidence state: part {rows['part'][0]!r} should have {width or 'equally many'} numbers a row, "
            f"found {sorted(lengths.to_list())}; it was written by another version: begin anew from history"
        )
    return rows["numbers"].explode().to_numpy().reshape(rows.height, -1).astype(np.float64)


def _places(keys: pl.DataFrame, among: pl.DataFrame, by: list[str]) -> Ints:
    """Position of every row of `keys` in `among`."""
    found = keys.select(by).join(
        among.select(by).with_row_index("place"), on=by, how="left", maintain_order="left"
    )
    return found["place"].to_numpy().astype(np.int64)
