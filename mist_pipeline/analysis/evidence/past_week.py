"""What evidence of today stands on and what stays as it is until the next morning: the state, and the hours before it as arrays.

Here: both as plain arrays with a name each, and back. Not here: how they are made (`state`, `hourly_matrix`), where they are kept and whether
they still fit (``workflows.analysis.kept_week``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence.episodes import Episodes
from mist_pipeline.analysis.evidence.expectation import Baselines
from mist_pipeline.analysis.evidence.hourly_matrix import SERIES_KEY, HourlyMatrix
from mist_pipeline.analysis.evidence.site_load import SiteLoads
from mist_pipeline.analysis.evidence.state import POOL_KEY, TAIL_KEY, EvidenceState
from mist_pipeline.analysis.evidence.tails import BINS, MOMENTS
from mist_pipeline.analysis.stats.arrays import Ints

Arrays = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

_WORDS = "words"
_OF_STATE = ("moments", "spread", "spread_weight", "counts")
_OF_MATRIX = ("observed", "exposure", "estimated", "clients", "alive", "is_missing", "is_asked", "site_of")
_OF_LOADS = tuple(one.name for one in fields(SiteLoads) if one.name != "site_ids")
_OF_BASELINES = tuple(one.name for one in fields(Baselines))
_OF_EPISODES = tuple(one.name for one in fields(Episodes))


@dataclass(frozen=True)
class PastWeek:
    """The hours before a state ends, and the state.

    Attributes:
        state: Of exactly the series and sites of `hours`, in their order.
        hours: The `LOOK_BACK` hours before ``state.next_hour``.
    """

    state: EvidenceState
    hours: HourlyMatrix

    def arrays(self) -> Arrays:
        """All of it as arrays by name; texts are in one of them, as JSON."""
        state, hours = self.state, self.hours
        texts, numbers = _numbered(hours.series)
        words = {
            "texts": texts,
            "site_ids": hours.site_ids,
            "pools": state.pools.select(POOL_KEY).rows(),
            "tails": state.tails.select(TAIL_KEY).rows(),
            "first_hour": hours.first_hour,
            "next_hour": state.next_hour,
            "windows": state.windows,
        }
        return {
            _WORDS: np.frombuffer(json.dumps(words).encode(), np.uint8),
            "series": numbers,
            **{f"state.{name}": getattr(state, name) for name in _OF_STATE},
            **{f"baselines.{name}": getattr(state.baselines, name) for name in _OF_BASELINES},
            **{f"episodes.{name}": getattr(state.episodes, name) for name in _OF_EPISODES},
            **{f"loads.{name}": getattr(state.loads, name) for name in _OF_LOADS},
            **{f"hours.{name}": getattr(hours, name) for name in _OF_MATRIX},
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """It from what `arrays` gave.

        Raises:
            ValueError: They are not what `arrays` gives.
        """
        try:
            words = json.loads(arrays[_WORDS].tobytes())
            series = _named(words["texts"], arrays["series"])
            site_ids, windows = [str(site) for site in words["site_ids"]], tuple(map(int, words["windows"]))
            week = cls(
                EvidenceState(
                    next_hour=int(words["next_hour"]),
                    windows=windows,
                    series=series,
                    baselines=Baselines(**{name: arrays[f"baselines.{name}"] for name in _OF_BASELINES}),
                    episodes=Episodes(**{name: arrays[f"episodes.{name}"] for name in _OF_EPISODES}),
                    pools=_pairs(words["pools"], POOL_KEY),
                    tails=_pairs(words["tails"], TAIL_KEY),
                    loads=SiteLoads(
                        site_ids=site_ids, **{name: arrays[f"loads.{name}"] for name in _OF_LOADS}
                    ),
                    **{name: arrays[f"state.{name}"] for name in _OF_STATE},
                ),
                HourlyMatrix(
                    series=series,
                    site_ids=site_ids,
                    first_hour=int(words["first_hour"]),
                    **{name: arrays[f"hours.{name}"] for name in _OF_MATRIX},
                ),
            )
        except (KeyError, TypeError, IndexError, AttributeError, pl.exceptions.PolarsError) as error:
            raise ValueError(f"no week of evidence: {error!r}") from error
        week._check()
        return week

    def _check(self) -> None:
        """Raise where arrays do not fit together."""
        state, hours = self.state, self.hours
        lines, sites, windows = hours.series.height, len(hours.site_ids), len(state.windows)
        length = state.next_hour - hours.first_hour
        empty, none = Baselines.empty(lines), Episodes.empty(lines)
        loads = SiteLoads.empty(hours.site_ids, windows)
        pools, tails = state.pools.height, state.tails.height
        expected: list[tuple[object, str, tuple[int, ...]]] = [
            *((state.baselines, name, getattr(empty, name).shape) for name in _OF_BASELINES),
            *((state.episodes, name, getattr(none, name).shape) for name in _OF_EPISODES),
            *((state.loads, name, getattr(loads, name).shape) for name in _OF_LOADS),
            (state, "moments", (pools, windows, MOMENTS)),
            (state, "spread", (pools, 2)),
            (state, "spread_weight", (pools, 2)),
            (state, "counts", (tails, windows, BINS)),
            *((hours, name, (lines, length)) for name in ("observed", "exposure", "estimated")),
            *((hours, name, (sites, length)) for name in ("clients", "alive", "is_missing", "is_asked")),
            (hours, "site_of", (lines,)),
        ]
        for owner, name, shape in expected:
            if getattr(owner, name).shape != shape:
                raise ValueError(f"no week of evidence: {name} is {getattr(owner, name).shape}, not {shape}")


def _numbered(series: pl.DataFrame) -> tuple[list[list[str]], Ints]:
    """The distinct texts of each column, and their numbers, series × columns."""
    texts = [series[name].unique().sort() for name in SERIES_KEY]
    numbers = [
        series[name].cast(pl.Enum(each)).to_physical().to_numpy()
        for name, each in zip(SERIES_KEY, texts, strict=True)
    ]
    return [each.to_list() for each in texts], np.column_stack(numbers).astype(np.int64)


def _named(texts: list[list[str]], numbers: Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {
            name: pl.Series(each, dtype=pl.String).gather(numbers[:, place])
            for place, (name, each) in enumerate(zip(SERIES_KEY, texts, strict=True))
        }
    )


def _pairs(rows: list[list[str]], names: list[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
