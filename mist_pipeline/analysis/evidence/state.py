"""What is carried from one run to the next, and its way to rows of ``state.evidence`` and back, field by name.

Here: the state as one object and as one long frame. Not here: how a day enters it (`expectation`, `site_load`,
`windows`) and where it is kept (``workflows``).

>>> state = EvidenceState.empty(next_hour=24, windows=(1, 24))
>>> state.rows().select("part", "numbers").head(3).rows()
[('version', [5.0]), ('next_hour', [24.0]), ('windows', [1.0, 24.0])]
>>> EvidenceState.from_rows(state.rows()).windows
(1, 24)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence.episodes import Episodes
from mist_pipeline.analysis.evidence.expectation import SHAPES, Baselines
from mist_pipeline.analysis.evidence.hourly_matrix import SERIES_KEY
from mist_pipeline.analysis.evidence.site_load import WEEK, SiteLoads
from mist_pipeline.analysis.evidence.tails import BINS, MOMENTS
from mist_pipeline.analysis.stats.arrays import Floats, Ints
from mist_pipeline.tables.state import EVIDENCE

POOL_KEY = ["metric", "classifier"]
TAIL_KEY = ["metric", "kind"]
ROW_SCHEMA = {name: kind for name, kind in EVIDENCE.polars_schema().items() if name != EVIDENCE.partition}
VERSION = 5
"""Of the stored form. A change of it needs an entry in ``warehouse.migrations``."""
_EMPTY_SERIES = dict.fromkeys(SERIES_KEY, pl.String)
_NO_KEY = pl.DataFrame({"site_id": [""]})


def _layout(windows: int) -> dict[str, dict[str, tuple[int, ...]]]:
    """Group of fields → field → shape of its array for one key of the group."""
    bins, two = (SHAPES,), (2,)
    return {
        "series": {
            "fast_degraded": bins, "fast_exposure": bins, "slow_degraded": bins, "slow_exposure": bins,
            "days": (), "spread": two, "spread_weight": two, "tail": two, "tail_weight": two, "held_days": (),
        },
        "episode": {one.name: two for one in dataclass_fields(Episodes)},
        "pool": {"moments": (windows, MOMENTS), "spread": two, "spread_weight": two},
        "tail": {"counts": (windows, BINS)},
        "site": {
            "clients": (WEEK,), "weight": (WEEK,),
            "days": (), "spread": (), "spread_weight": (), "asked": (), "silent": (),
        },
        "all_sites": {"moments": (windows, MOMENTS), "counts": (2, windows, BINS), "typical": two},
    }  # fmt: skip


@dataclass
class EvidenceState:
    """All that is known from hours before `next_hour`; nothing of any later hour.

    Attributes:
        next_hour: Hours since the epoch of the first hour that has not entered yet; a multiple of 24.
        windows: Window lengths in hours that the pooled arrays are for.
        series: ``site_id``, ``metric``, ``classifier`` in the order of `baselines`.
        baselines: Own baselines of the series.
        episodes: Excesses of the series that go on, or were the newest.
        pools: ``metric``, ``classifier`` in the order of `moments` and `spread`.
        moments: Regression sums for the overdispersion, pools × windows × 5.
        spread: Sums of capped squared standardised residuals of hours and of days, pools × 2.
        spread_weight: How many they are, pools × 2.
        tails: ``metric``, ``kind`` in the order of `counts`.
        counts: Histograms of nominal surprise, tails × windows × bins.
        loads: Usual clients of each site, and how often it was silent.
    """

    next_hour: int
    windows: tuple[int, ...]
    series: pl.DataFrame
    baselines: Baselines
    episodes: Episodes
    pools: pl.DataFrame
    moments: Floats
    spread: Floats
    spread_weight: Floats
    tails: pl.DataFrame
    counts: Floats
    loads: SiteLoads

    @classmethod
    def empty(cls, next_hour: int, windows: tuple[int, ...]) -> "EvidenceState":
        """The state before any history."""
        return cls(
            next_hour=next_hour,
            windows=windows,
            series=pl.DataFrame(schema=_EMPTY_SERIES),
            baselines=Baselines.empty(0),
            episodes=Episodes.empty(0),
            pools=pl.DataFrame(schema=dict.fromkeys(POOL_KEY, pl.String)),
            moments=np.zeros((0, len(windows), MOMENTS)),
            spread=np.zeros((0, 2)),
            spread_weight=np.zeros((0, 2)),
            tails=pl.DataFrame(schema=dict.fromkeys(TAIL_KEY, pl.String)),
            counts=np.zeros((0, len(windows), BINS)),
            loads=SiteLoads.empty([], len(windows)),
        )

    def rows(self) -> pl.DataFrame:
        """The state as rows of ``state.evidence`` without their day: one row for each field and key.

        ``part`` is the name of a field (``series.days``, ``pool.moments`` …), ``numbers`` its array for that key,
        flattened in C order.
        """
        parts = [
            _rows("version", _NO_KEY, np.array([[VERSION]])),
            _rows("next_hour", _NO_KEY, np.array([[self.next_hour]])),
            _rows("windows", _NO_KEY, np.array([self.windows])),
        ]
        owners: dict[str, tuple[object, pl.DataFrame]] = {
            "series": (self.baselines, self.series),
            "episode": (self.episodes, self.series),
            "pool": (self, self.pools),
            "tail": (self, self.tails.rename({"kind": "classifier"})),
            "site": (
                self.loads,
                pl.DataFrame({"site_id": self.loads.site_ids}, schema={"site_id": pl.String}),
            ),
            "all_sites": (self.loads, _NO_KEY),
        }
        for group, fields in _layout(len(self.windows)).items():
            owner, keys = owners[group]
            for name, shape in fields.items():
                numbers: Floats = getattr(owner, name)
                parts.append(_rows(f"{group}.{name}", keys, numbers.reshape(keys.height, math.prod(shape))))
        return pl.concat(parts)

    @classmethod
    def from_rows(cls, rows: pl.DataFrame) -> "EvidenceState":
        """The state from what `rows` gave, in any order of rows.

        Raises:
            ValueError: The rows are not one whole state of this version.
        """
        parts = {str(name): part for (name,), part in rows.partition_by("part", as_dict=True).items()}
        version, next_hour, windows = (_head(parts, name) for name in ("version", "next_hour", "windows"))
        if version.tolist() != [VERSION]:
            raise ValueError(
                f"evidence state: it has version {version[0]:.0f}, this program reads {VERSION}: begin anew from history"
            )
        keys: dict[str, pl.DataFrame] = {}
        fields: dict[str, dict[str, Floats]] = {}
        for group, layout in _layout(len(windows)).items():
            keys[group], fields[group] = _group(parts, group, layout)
        own = fields["series"]
        return cls(
            next_hour=int(next_hour[0]),
            windows=tuple(int(hours) for hours in windows),
            series=keys["series"].select(SERIES_KEY),
            baselines=Baselines(
                fast_degraded=own["fast_degraded"].astype(np.float32),
                fast_exposure=own["fast_exposure"].astype(np.float32),
                slow_degraded=own["slow_degraded"].astype(np.float32),
                slow_exposure=own["slow_exposure"].astype(np.float32),
                days=own["days"],
                spread=own["spread"],
                spread_weight=own["spread_weight"],
                tail=own["tail"],
                tail_weight=own["tail_weight"],
                held_days=own["held_days"],
            ),
            episodes=Episodes(**fields["episode"]),
            pools=keys["pool"].select(POOL_KEY),
            tails=keys["tail"].select("metric", kind="classifier"),
            loads=SiteLoads(
                site_ids=keys["site"]["site_id"].to_list(),
                **fields["site"],
                **{name: numbers[0] for name, numbers in fields["all_sites"].items()},
            ),
            **fields["pool"],
            **fields["tail"],
        )

    def aligned(self, series: pl.DataFrame, site_ids: list[str]) -> "EvidenceState":
        """A copy whose arrays follow these series and sites, which must contain its own; new ones start empty."""
        place = _places(self.series, series, SERIES_KEY)
        b, old = Baselines.empty(series.height), self.baselines
        for name in vars(b):
            getattr(b, name)[place] = getattr(old, name)
        episodes = Episodes.empty(series.height)
        for name, values in vars(self.episodes).items():
            getattr(episodes, name)[place] = values
        pools = series.select(POOL_KEY).unique().sort(POOL_KEY)
        kinds = pl.when(pl.col("classifier") == "").then(pl.lit("whole")).otherwise(pl.lit("classifier"))
        tails = (
            pl.concat([pools.select("metric", kind=kinds), pools.select("metric", kind=kinds + "-group")])
            .unique()
            .sort(TAIL_KEY)
        )
        width = len(self.windows)
        moments = np.zeros((pools.height, width, MOMENTS))
        spread, spread_weight = (np.zeros((pools.height, 2)) for _ in range(2))
        counts = np.zeros((tails.height, width, BINS))
        at = _places(self.pools, pools, POOL_KEY)
        moments[at], spread[at], spread_weight[at] = self.moments, self.spread, self.spread_weight
        counts[_places(self.tails, tails, TAIL_KEY)] = self.counts
        return EvidenceState(
            next_hour=self.next_hour, windows=self.windows, series=series, baselines=b, episodes=episodes, pools=pools,
            moments=moments,            spread=spread, spread_weight=spread_weight, tails=tails, counts=counts, loads=self.loads.aligned(site_ids),
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


def _rows(part: str, keys: pl.DataFrame, numbers: Floats) -> pl.DataFrame:
    """Rows of one field: one for each key, ``numbers`` the matrix of keys × its flattened array."""
    named = [
        (pl.col(name) if name in keys.columns else pl.lit("")).alias(name)
        for name in ("site_id", "metric", "classifier")
    ]
    lists = pl.Series("numbers", numbers.astype(np.float64), dtype=pl.Array(pl.Float64, numbers.shape[1]))
    return keys.select(pl.lit(part).alias("part"), *named).with_columns(lists.cast(pl.List(pl.Float64)))


def _head(parts: Mapping[str, pl.DataFrame], name: str) -> Floats:
    """The numbers of a part that has exactly one row."""
    if name not in parts or parts[name].height != 1:
        raise ValueError(
            f"evidence state: expected one row of the part {name!r}; "
            "pass the rows of exactly one day, or none to begin anew"
        )
    return parts[name]["numbers"].explode().to_numpy()


def _group(
    parts: Mapping[str, pl.DataFrame], group: str, layout: Mapping[str, tuple[int, ...]]
) -> tuple[pl.DataFrame, dict[str, Floats]]:
    """Keys of a group of fields, sorted, and each field's array of keys × its shape."""
    keys, fields = pl.DataFrame(schema=_EMPTY_SERIES), {}
    for position, (name, shape) in enumerate(layout.items()):
        rows = parts.get(f"{group}.{name}", pl.DataFrame(schema=ROW_SCHEMA)).sort(SERIES_KEY)
        if position == 0:
            keys = rows.select(SERIES_KEY)
        width = math.prod(shape)
        if not rows.select(SERIES_KEY).equals(keys) or not (rows["numbers"].list.len() == width).all():
            raise ValueError(
                f"evidence state: the part '{group}.{name}' should have {width} numbers for each of {keys.height} keys; "
                "it was written by another version: begin anew from history"
            )
        fields[name] = rows["numbers"].explode().to_numpy().reshape(rows.height, *shape)
    return keys, fields


def _places(keys: pl.DataFrame, among: pl.DataFrame, by: list[str]) -> Ints:
    """Position of every row of `keys` in `among`."""
    found = keys.select(by).join(
        among.select(by).with_row_index("place"), on=by, how="left", maintain_order="left"
    )
    return found["place"].to_numpy().astype(np.int64)
