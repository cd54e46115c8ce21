"""A trained forest with what is needed to prepare rows for it and to read its scores, and its way to ``state.forests`` and back.

Not here: training it (`isolation_forest`), where it is kept (``workflows.analysis.kept_forest``).

How rare a score is among the scores of training (here 1,000 of them, evenly spread):

>>> tail = Tail.of(np.linspace(0.3, 0.6, 1000))
>>> (1000 * tail.rarity(np.array([0.4, 0.599, 0.7]))).round(0)
array([666.,  13.,   0.])
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import numpy as np
import polars as pl

from mist_pipeline.analysis.anomalies.forest import Forest
from mist_pipeline.analysis.stats.arrays import Floats
from mist_pipeline.tables.state import FORESTS

_TAIL_SHARE = 0.1
"""Share of the training scores that the tail is fitted to."""

_ROW = {name: kind for name, kind in FORESTS.polars_schema().items() if name not in ("day", "made_of")}


@dataclass(frozen=True)
class Tail:
    """How rare a score is, in the training days: empirical, and beyond the 90 % quantile generalised Pareto.

    Fitted by probability-weighted moments (Hosking & Wallis, Technometrics 29, 1987), as peaks over a threshold: a
    small organisation has too few site-days for an empirical quantile at five in a thousand.
    """

    scores: Floats
    start: float
    share: float
    scale: float
    shape: float

    @classmethod
    def of(cls, scores: Floats) -> "Tail":
        """The tail of these training scores."""
        ordered = np.sort(scores)
        count = max(round(_TAIL_SHARE * len(ordered)), 2)
        start = float(ordered[-count - 1])
        excess = ordered[-count:] - start
        position = (np.arange(1, count + 1) - 0.35) / count
        mean = float(excess.mean())
        weighted = float(((1.0 - position) * excess).mean())
        # Scores are bounded, so the tail is not heavier than exponential: shape ≤ 0.
        raw = 2.0 - mean / (mean - 2.0 * weighted) if mean > 2.0 * weighted else -0.5
        shape = float(np.clip(raw, -0.5, 0.0))
        return cls(ordered, start, count / len(ordered), max(mean * (1.0 - shape), 1e-9), shape)

    def rarity(self, scores: Floats) -> Floats:
        """Share of ordinary site-days with at least these scores."""
        above = np.maximum(scores - self.start, 0.0) / self.scale
        if self.shape == 0.0:
            beyond = np.exp(-above)
        else:
            beyond = np.maximum(1.0 + self.shape * above, 0.0) ** (-1.0 / self.shape)
        body = 1.0 - np.searchsorted(self.scores, scores, side="left") / len(self.scores)
        return np.where(scores > self.start, self.share * beyond, np.maximum(body, self.share))


@dataclass(frozen=True)
class Model:
    """A trained forest.

    Attributes:
        version: Its training day, and a digest of settings, rows and metrics.
        trained_from: First day of the training.
        trained_to: Last one.
        metrics: In the order of `medians`.
        medians: Typical features, metrics × features.
        centre: Typical levels.
        precision: How levels usually stand together, metrics × metrics.
        forest: The trees.
        tail: How rare a score is.
    """

    version: str
    trained_from: date
    trained_to: date
    metrics: list[str]
    medians: Floats
    centre: Floats
    precision: Floats
    forest: Forest
    tail: Tail

    def rows(self) -> pl.DataFrame:
        """It as rows of ``state.forests`` without ``day`` and ``made_of``."""
        trees = (self.forest.column.astype(np.float64), self.forest.bound, self.forest.depth)
        parts: list[tuple[str, str, int, Floats]] = [
            ("version", self.version, 0, np.array([float((self.trained_to - self.trained_from).days)])),
            ("trained_to", self.trained_to.isoformat(), 0, np.zeros(0)),
            ("tail", "", 0, self.tail.scores),
            ("usual", "", 0, np.array([self.forest.usual])),
            *(
                (part, metric, place, numbers)
                for part, rows in (("medians", self.medians), ("precision", self.precision))
                for place, (metric, numbers) in enumerate(zip(self.metrics, rows, strict=True))
            ),
            ("centre", "", 0, self.centre),
            *(
                (part, "", place, numbers)
                for part, rows in zip(_OF_TREES, trees, strict=True)
                for place, numbers in enumerate(rows)
            ),
        ]
        columns = dict(zip(_ROW, zip(*parts, strict=True), strict=True))
        return pl.DataFrame({name: list(values) for name, values in columns.items()}, schema=_ROW)

    @classmethod
    def from_rows(cls, rows: pl.DataFrame) -> Self:
        """It from what `rows` gave, in any order of rows.

        Raises:
            ValueError: They are not one whole model.
        """
        parts = {
            str(name): part for (name,), part in rows.sort("place").partition_by("part", as_dict=True).items()
        }
        try:
            column, bound, depth = (_stacked(parts[part]) for part in _OF_TREES)
            medians, precision = _stacked(parts["medians"]), _stacked(parts["precision"])
            (length,), (usual,), centre, scores = (
                _stacked(parts[part])[0] for part in ("version", "usual", "centre", "tail")
            )
            metrics = parts["medians"]["name"].to_list()
            version, last = (
                parts["version"]["name"].item(),
                date.fromisoformat(parts["trained_to"]["name"].item()),
            )
            questions = column.shape[1]
            is_whole = (
                column.shape == bound.shape
                and depth.shape == (len(column), questions + 1)
                and questions & (questions + 1) == 0
                and precision.shape == (len(metrics), len(metrics))
                and centre.shape == (len(metrics),)
            )
            if not is_whole:
                raise ValueError("its parts do not fit together")
            return cls(
                version=version,
                trained_from=last - timedelta(days=int(length)),
                trained_to=last,
                metrics=metrics,
                medians=medians,
                centre=centre,
                precision=precision,
                forest=Forest(column.astype(np.int64), bound, depth, float(usual)),
                tail=Tail.of(scores),
            )
        except (KeyError, TypeError, IndexError, pl.exceptions.PolarsError) as error:
            raise ValueError(f"not one whole model: {error!r}") from error


_OF_TREES = ("column", "bound", "depth")


def _stacked(part: pl.DataFrame) -> Floats:
    """The numbers of all rows, one below the other."""
    stacked: Floats = np.stack([numbers.to_numpy() for numbers in part["numbers"]])
    return stacked
