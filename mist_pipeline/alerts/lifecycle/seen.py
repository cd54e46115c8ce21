"""What several evaluations read of sites and knew of excesses, gathered once and found again by moment, site and family.

A replay has hundreds of evaluations of the same sites: they are gathered together, and each costs look-ups in arrays. Moments are
numbered from 0 in the order of the frames.

>>> frame = pl.DataFrame({"site_id": ["s1", "s2"], "metric": ["coverage"] * 2, "state": ["ok", "missing"], "score_pct": [71.0, None]})
>>> seen = Readings.of([frame, frame.head(1)], {"coverage": "radio"})
>>> seen.of_family(0, "s1", "radio"), seen.of_family(0, "s2", "radio"), seen.of_family(1, "s2", "radio")
('ok', 'missing', 'missing')
>>> seen.is_below(0, "s1", "coverage", 80.0)
True

Not here: what follows for an alert (`observations`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

from mist_pipeline.alerts.lifecycle.model import Series

if TYPE_CHECKING:
    import numpy.typing as npt

MOMENT = "moment"
"""Column with the number of the evaluation."""

HOUR = timedelta(hours=1)

Visibility: TypeAlias = Literal["ok", "idle", "missing"]
"""A reading, no users, or nothing: the last freezes."""

PolarsType: TypeAlias = pl.DataType | type[pl.DataType]
Array: TypeAlias = "npt.NDArray[Any]"
"""NumPy is imported where it is used: what only reads alerts imports this module, too."""

_MISSING, _IDLE, _OK = 0, 1, 2
_NAMES: Mapping[int, Visibility] = {_MISSING: "missing", _IDLE: "idle", _OK: "ok"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = ("site_id", "family", "metric", "classifier")
_SERIES = (*_TEXTS, "is_slow")

_INSTANT = pl.Datetime("us", "UTC")

_READING: Mapping[str, PolarsType] = {
    **dict.fromkeys(("site_id", "metric", "state"), pl.String),
    "score_pct": pl.Float64,
}
_EPISODE: Mapping[str, PolarsType] = {
    **dict.fromkeys(_TEXTS, pl.String),
    "is_slow": pl.Boolean,
    "began_at": _INSTANT,
    "last_bad_at": _INSTANT,
    "recovery": pl.Float64,
    "is_accepted": pl.Boolean,
}


def numbered(frames: Sequence[pl.DataFrame | None], columns: Mapping[str, PolarsType]) -> pl.DataFrame:
    """These columns of all frames under one another, after `MOMENT`; of a frame that lacks one it is null.

    Args:
        frames: One a moment; None has no rows.
        columns: Name → type.
    """
    import numpy as np

    given = [(number, frame) for number, frame in enumerate(frames) if frame is not None and frame.height]
    if not given:
        return pl.DataFrame(schema={MOMENT: pl.Int64, **columns})
    moments = np.repeat([number for number, _ in given], [frame.height for _, frame in given])
    rows = [frame[[name for name in columns if name in frame.columns]] for _, frame in given]
    together = rows[0] if len(rows) == 1 else pl.concat(rows, how="diagonal_relaxed")
    if together.schema != pl.Schema(columns):
        lacking = [pl.lit(None).alias(name) for name in columns if name not in together.columns]
        together = together.with_columns(*lacking).select(
            pl.col(name).cast(columns[name]) for name in columns
        )
    return together.insert_column(0, pl.Series(MOMENT, moments, pl.Int64))


@dataclass(frozen=True)
class Readings:
    """States and scores of some moments.

    Attributes:
        sites: Site → row.
        families: Family → column of ``answers``.
        metrics: Metric → column of ``scores``.
        answers: (moments, sites, families) missing, idle or ok.
        scores: (moments, sites, metrics) lowest score of a reading that is ok; NaN without.
    """

    sites: Mapping[str, int]
    families: Mapping[str, int]
    metrics: Mapping[str, int]
    answers: Array
    scores: Array

    @classmethod
    def of(cls, frames: Sequence[pl.DataFrame | None], families: Mapping[str, str]) -> "Readings":
        """From the frames of moments.

        Args:
            frames: site_id, metric, state and, where it is known, score_pct of each moment; None is as without any.
            families: Metric → family.
        """
        import numpy as np

        rows = numbered(frames, _READING)
        answer = rows["state"].replace_strict(
            {"ok": _OK, "no_users": _IDLE}, default=_MISSING, return_dtype=pl.UInt8
        )
        value, at = answer.to_numpy(), rows[MOMENT].to_numpy()
        (sites, site), (metrics, metric) = (_placed(rows[name].to_list()) for name in ("site_id", "metric"))
        of_families, family = _placed([families.get(name, name) for name in metrics])
        answers = np.zeros((len(frames), len(sites), len(of_families)), dtype=np.uint8)
        np.maximum.at(answers, (at, site, family[metric]), value)
        scores = np.full((len(frames), len(sites), len(metrics)), np.nan)
        is_ok = value == _OK
        score = rows["score_pct"].to_numpy()
        np.fmin.at(scores, (at[is_ok], site[is_ok], metric[is_ok]), score[is_ok])
        return cls(sites, of_families, metrics, answers, scores)

    def of_family(self, moment: int, site_id: str, family: str) -> Visibility:
        """What was seen of a site and family."""
        site, column = self.sites.get(site_id), self.families.get(family)
        if site is None or column is None:
            return "missing"
        return _NAMES[int(self.answers[moment, site, column])]

    def has_anything(self, moment: int, site_id: str = "") -> bool:
        """Whether a site, or any site, answered anything."""
        if not site_id:
            return bool(self.answers[moment].any())
        site = self.sites.get(site_id)
        return site is not None and bool(self.answers[moment, site].any())

    def is_below(self, moment: int, site_id: str, metric: str, line: float) -> bool:
        """Whether a score is known and lies below a line."""
        site, column = self.sites.get(site_id), self.metrics.get(metric)
        return site is not None and column is not None and bool(self.scores[moment, site, column] < line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An excess of one series as an evaluation knows it.

    Attributes:
        series: Whose.
        began_at: Its first hour.
        last_bad_at: End of its last bad hour so far.
        recovery: 0 at a bad hour … 1 over.
        is_accepted: It is over because its level is the new normal.
    """

    series: Series
    began_at: datetime
    last_bad_at: datetime
    recovery: float
    is_accepted: bool = False


@dataclass(frozen=True)
class Episodes:
    """The excesses that some moments know, by series.

    Attributes:
        places: Site, family, metric, classifier, whether slow → its rows, in order of time.
        moments: Of each row its moment …
        began, last_bad: … microseconds since 1970, …
        recovery, is_accepted: … and how far it has recovered.
    """

    places: Mapping[tuple[Any, ...], tuple[int, int]]
    moments: Array
    began: Array
    last_bad: Array
    recovery: Array
    is_accepted: Array

    @classmethod
    def of(cls, frames: Sequence[pl.DataFrame | None]) -> "Episodes":
        """From the frames of moments, as of ``EvaluationInput.episodes``; None is as without any."""
        rows = numbered(frames, _EPISODE).sort(*_SERIES, MOMENT, maintain_order=True).with_row_index("row")
        of_series = rows.group_by(*_SERIES, maintain_order=True).agg(pl.col("row").first(), n=pl.len())
        return cls(
            {tuple(key): (row, row + n) for *key, row, n in of_series.iter_rows()},
            rows[MOMENT].to_numpy(),
            rows["began_at"].dt.epoch("us").to_numpy(),
            (rows["last_bad_at"] + HOUR).dt.epoch("us").to_numpy(),
            rows["recovery"].to_numpy(),
            rows["is_accepted"].fill_null(value=False).to_numpy(),
        )

    def of_series(self, moment: int, site_id: str, family: str, series: Series) -> Iterator[Episode]:
        """What is known of one series at a moment."""
        key = (site_id, family, series.metric, series.classifier, series.is_slow)
        first, end = self.places.get(key, (0, 0))
        row = first + int(self.moments[first:end].searchsorted(moment))
        while row < end and self.moments[row] == moment:
            yield Episode(
                series=series,
                began_at=_EPOCH + timedelta(microseconds=int(self.began[row])),
                last_bad_at=_EPOCH + timedelta(microseconds=int(self.last_bad[row])),
                recovery=float(self.recovery[row]),
                is_accepted=bool(self.is_accepted[row]),
            )
            row += 1


def _placed(names: Sequence[str]) -> tuple[dict[str, int], Array]:
    """Name → place, and the place of each."""
    import numpy as np

    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return places, np.fromiter(map(places.__getitem__, names), np.int64, len(names))
