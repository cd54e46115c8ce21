"""Which site-days are unusual: one isolation forest for the whole organisation, ranked against a budget of alerts.

Here: the schedule of the forest, its scores, the budget, and what each metric contributed. Not here: the features
(`features`), whether users suffer (``evidence``), and the sentence for people (``findings``).

The forest of day D is trained on the days before the last scheduled training day ≤ D and on nothing later, so that a
backfill and the day itself give the same rows. Reference: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008.

A Thursday is scored with the forest of its Monday, which knows the days up to Sunday:

>>> training_day(date(2026, 3, 5), AnomalySettings().train_weekday)
datetime.date(2026, 3, 2)
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from mist_pipeline.analysis.anomalies.features import BEST, ShapeCube, features, shape_cube
from mist_pipeline.analysis.anomalies.forest import Forest
from mist_pipeline.analysis.anomalies.model import Model, Tail
from mist_pipeline.analysis.stats.arrays import Flags, Floats
from mist_pipeline.analysis.stats.robust import median
from mist_pipeline.tables.analysis import ANOMALIES

_SITES_AT_ONCE = 2_000
"""Sites whose days are laid out as arrays at a time, which are many times larger than their rows."""

_WORST = 2
"""How many of the worst metrics stand for each feature."""
_EXTREME_EVERY = 50
_MAGNIFIED = 3.0
"""One training row in fifty is added a second time, three times as far from typical. A tree splits between the extremes
that it has seen: grown on a quiet month alone it cannot tell bad from terrible, and a site that is both ranks below
one that is slightly odd everywhere. (Outlier exposure: Hendrycks, Mazeika, Dietterich, ICLR 2019.)"""


@dataclass(frozen=True)
class AnomalySettings:
    """How the forest is trained and how much it may say.

    Attributes:
        budget_per_1000: Site-days called anomalous among 1,000 ordinary ones.
        train_weekday: Day of the weekly training, 0 = Monday.
        training_days: Days before the training day that the forest sees.
        reference_days: Days before each day that its features are measured against; whole weeks.
        min_reference_days: Days with users that a metric needs among those.
        min_training_rows: Site-days below which no forest is trained.
        min_metrics: Metrics with a reading and a reference that a site-day needs to be scored.
        trees: Number of trees.
        tree_rows: Rows seen by each tree.
        seed: Seed of the forest.
    """

    budget_per_1000: float = 5.0
    train_weekday: int = 0
    training_days: int = 28
    reference_days: int = 28
    min_reference_days: int = 14
    min_training_rows: int = 100
    min_metrics: int = 2
    trees: int = 200
    tree_rows: int = 256
    seed: int = 7

    @property
    def look_back_days(self) -> int:
        """Days of shapes before a day that decide its row; give as many, and what is older is not read."""
        return self.reference_days + self.training_days + 6


def anomalies(
    shapes: pl.DataFrame, days: Sequence[date], settings: AnomalySettings | None = None
) -> pl.DataFrame:
    """Score the site-days of ``days`` and name the anomalous ones.

    Args:
        shapes: `features.day_shapes` of the days themselves and of the ``look_back_days`` before them
            (or all there is); for the live job, `features.with_live` of them and the last 24 hours.
        days: Days to score.
        settings: Budget, schedule and size of the forest.

    Returns:
        ``analysis.anomalies``: a row for each day and each site that was recorded on it or in its reference. ``anomaly_score``
        is that of the forest (0.5 ordinary, towards 1 unusual), ``rarity_per_1000`` how many of 1,000 ordinary
        site-days score as high, ``is_anomaly`` whether that is within the budget, ``contributions`` JSON metric →
        share, summing to 1: how far the score drops when the features of that metric are those of a typical day
        (single-feature ablation to the training median, the joint features recomputed). Where ``state`` is not
        ``ok`` (too_little_data, too_little_history, no_model) the site was not scored and these are null.
    """
    settings = settings or AnomalySettings()
    wanted = sorted(set(days))
    if not wanted or shapes.is_empty():
        return ANOMALIES.empty()
    trainings = {day: training_day(day, settings.train_weekday) for day in wanted}
    dense = shape_cube(shapes, wanted[0] - timedelta(days=settings.look_back_days), wanted[-1])
    described = features(
        dense, _days_needed(wanted, trainings, settings), settings.reference_days, settings.min_reference_days
    )
    scored: list[pl.DataFrame] = []
    for training in sorted(set(trainings.values())):
        model = train(dense.metrics, described, training, settings)
        served = [day for day in wanted if trainings[day] == training]
        scored.append(_score_days(dense, described, served, model, settings))
    return pl.concat(scored).sort("day", "site_id")


def training_day(day: date, weekday: int) -> date:
    """The last scheduled training day that is not after ``day``."""
    return day - timedelta(days=(day.weekday() - weekday) % 7)


def model_of(shapes: pl.DataFrame, day: date, settings: AnomalySettings) -> Model | None:
    """The forest that `anomalies` scores a day with.

    Args:
        shapes: `features.day_shapes` of the ``training_days`` and ``reference_days`` before its training day, or more.
        day: The day.
        settings: Schedule and size of the forest.
    """
    training = training_day(day, settings.train_weekday)
    first = training - timedelta(days=settings.training_days)
    if shapes.is_empty():
        return None
    earliest, last = first - timedelta(days=settings.reference_days), training - timedelta(days=1)
    window = [first + timedelta(days=i) for i in range(settings.training_days)]
    parts: list[tuple[list[str], dict[date, Floats]]] = []
    for part in _some_sites(shapes, earliest, last):
        dense = shape_cube(part, earliest, last)
        of_part = features(dense, window, settings.reference_days, settings.min_reference_days)
        parts.append((dense.metrics, of_part))
    metrics = sorted({metric for names, _ in parts for metric in names})
    described = {
        day: np.concatenate([_of_metrics(of_part[day], names, metrics) for names, of_part in parts])
        for day in window
    }
    return train(metrics, described, training, settings)


def anomalies_with(
    shapes: pl.DataFrame,
    day: date,
    model: Model | None,
    settings: AnomalySettings,
    *,
    explains_all: bool = True,
) -> pl.DataFrame:
    """``analysis.anomalies`` of one day, whose forest is there already.

    Args:
        shapes: `features.day_shapes` of the day and of the ``reference_days`` before it, or more.
        day: The day.
        model: What `model_of` gave for it.
        settings: As it was trained with.
        explains_all: False: ``contributions`` of those that are anomalous alone; to know them is most of the work.
    """
    if shapes.is_empty():
        return ANOMALIES.empty()
    first = day - timedelta(days=settings.reference_days)
    scored = []
    for part in _some_sites(shapes, first, day):
        dense = shape_cube(part, first, day)
        described = features(dense, [day], settings.reference_days, settings.min_reference_days)
        scored.append(_score_days(dense, described, [day], model, settings, explains_all=explains_all))
    return pl.concat(scored)


def _some_sites(shapes: pl.DataFrame, first: date, last: date) -> Iterator[pl.DataFrame]:
    """The rows between two days, of so many sites at a time as fit into memory; sites ascend."""
    rows = shapes.filter(pl.col("day").is_between(first, last))
    sites = rows["site_id"].unique().sort()
    for start in range(0, max(len(sites), 1), _SITES_AT_ONCE):
        some = sites[start : start + _SITES_AT_ONCE]
        within = pl.col("site_id").is_between(pl.lit(some.first()), pl.lit(some.last()))
        yield rows.filter(within) if len(some) < len(sites) else rows


def train(
    metrics: list[str], described: dict[date, Floats], training_day: date, settings: AnomalySettings
) -> Model | None:
    """The forest of one scheduled training day, from the days before it; None where those are too few, or all the same."""
    from sklearn.covariance import LedoitWolf
    from sklearn.ensemble import IsolationForest

    first = training_day - timedelta(days=settings.training_days)
    window = [first + timedelta(days=i) for i in range(settings.training_days)]
    stacked = np.concatenate([described[day] for day in window])
    used = np.isfinite(stacked[:, :, 0]).any(axis=0)
    rows = stacked[:, used]
    rows = rows[np.isfinite(rows[:, :, 0]).sum(axis=1) >= settings.min_metrics]
    if len(rows) < settings.min_training_rows:
        return None
    metrics = [metric for metric, is_used in zip(metrics, used, strict=True) if is_used]
    # A feature that no row of the training has (never two days running, say) is typical at 0.
    typical = median(np.moveaxis(rows, 0, -1))
    medians = np.where(np.isfinite(typical), typical, 0.0)
    filled = _fill(rows, medians)
    if not np.ptp(filled, axis=0).any():
        # Where all site-days are the same, a forest finds each of them as unusual as any other.
        return None
    covariance = LedoitWolf().fit(filled[:, :, 0])
    parameters = {**asdict(settings), "day": training_day.isoformat(), "rows": len(rows), "metrics": metrics}
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:8]
    # Half the rows at most, so that every row is scored by trees that have not seen it, as a new day will be.
    forest = IsolationForest(
        n_estimators=settings.trees,
        max_samples=min(settings.tree_rows, len(rows) // 2),
        random_state=settings.seed,
    )
    centre, precision = covariance.location_, covariance.precision_
    present = np.isfinite(rows[:, :, 0])
    matrix = _matrix(filled, present, centre, precision)
    extreme = np.random.default_rng(settings.seed).choice(
        len(rows), max(len(rows) // _EXTREME_EVERY, 1), False
    )
    magnified = np.maximum(medians + _MAGNIFIED * (filled[extreme] - medians), BEST)
    forest.fit(np.vstack([matrix, _matrix(magnified, present[extreme], centre, precision)]))
    grown = Forest.of(forest)
    return Model(
        version=f"iforest-{training_day.isoformat()}-{digest}",
        trained_from=first,
        trained_to=training_day - timedelta(days=1),
        metrics=metrics,
        medians=medians,
        centre=centre,
        precision=precision,
        forest=grown,
        tail=Tail.of(grown.scores(matrix)),
    )


def _days_needed(
    wanted: Sequence[date], trainings: dict[date, date], settings: AnomalySettings
) -> list[date]:
    """The days whose features are used: those to score and those that their forests are trained on."""
    training = {
        day - timedelta(days=back)
        for day in trainings.values()
        for back in range(1, settings.training_days + 1)
    }
    return sorted({*wanted, *training})


def _score_days(
    dense: ShapeCube,
    described: dict[date, Floats],
    days: Sequence[date],
    model: Model | None,
    settings: AnomalySettings,
    *,
    explains_all: bool = True,
) -> pl.DataFrame:
    """Rows of the days that one forest serves, scored in one go."""
    rows = np.stack([described[day] for day in days])
    index = [dense.index(day) for day in days]
    known = np.stack(
        [dense.is_known[:, max(t - settings.reference_days, 0) : t + 1].any(axis=1) for t in index]
    )
    readings = np.isfinite(dense.level[:, :, index]).sum(axis=1).T
    described_metrics = np.isfinite(rows[..., 0]).sum(axis=-1)
    state = np.select(
        [readings < settings.min_metrics, described_metrics < settings.min_metrics],
        ["too_little_data", "too_little_history"],
        default="no_model" if model is None else "ok",
    )
    is_scored = known & (state == "ok")
    scores = np.full(known.shape, np.nan)
    rarity = np.full(known.shape, np.nan)
    contributions = np.full(known.shape, None, dtype=object)
    if model is not None:
        ready = _of_metrics(rows[is_scored], dense.metrics, model.metrics)
        scores[is_scored] = score(model, ready)
        rarity[is_scored] = 1000.0 * model.tail.rarity(scores[is_scored])
        is_explained = is_scored & (explains_all | (rarity <= settings.budget_per_1000))
        explained = ready[is_explained[is_scored]]
        contributions[is_explained] = [
            _as_json(model.metrics, row, share)
            for row, share in zip(explained, shares(model, explained, scores[is_explained]), strict=True)
        ]
    is_ok = pl.col("state") == "ok"
    return (
        pl.DataFrame(
            {
                "day": np.repeat(np.array(days, dtype="datetime64[D]"), len(dense.sites)),
                "site_id": dense.sites * len(days),
                "anomaly_score": scores.ravel(),
                "rarity_per_1000": rarity.ravel(),
                "contributions": contributions.ravel().tolist(),
                "state": state.ravel().tolist(),
            }
        )
        .filter(pl.Series(known.ravel()))
        .with_columns(
            pl.when(is_ok).then(pl.col("anomaly_score")),
            pl.when(is_ok).then(pl.col("rarity_per_1000")),
            pl.when(is_ok).then(pl.col("rarity_per_1000") <= settings.budget_per_1000).alias("is_anomaly"),
            pl.lit(model.version if model else None).alias("model_version"),
            pl.lit(model.trained_from if model else None).alias("trained_from"),
            pl.lit(model.trained_to if model else None).alias("trained_to"),
        )
        .select(pl.col(name).cast(kind) for name, kind in ANOMALIES.polars_schema().items())
    )


def _of_metrics(rows: Floats, there: list[str], wanted: list[str]) -> Floats:
    """The features of the wanted metrics, NaN of those that are not there."""
    of_wanted = np.full((len(rows), len(wanted), rows.shape[2]), np.nan)
    for place, metric in enumerate(wanted):
        if metric in there:
            of_wanted[:, place] = rows[:, there.index(metric)]
    return of_wanted


def score(model: Model, rows: Floats) -> Floats:
    """Scores of prepared rows.

    Args:
        model: A trained forest.
        rows: Features (row, metric, feature), NaN where a metric is missing; metrics as ``model.metrics``.
    """
    if not len(rows):
        return np.zeros(0)
    present = np.isfinite(rows[:, :, 0])
    filled = _fill(rows, model.medians)
    return model.forest.scores(_matrix(filled, present, model.centre, model.precision))


def shares(model: Model, rows: Floats, scores: Floats) -> Floats:
    """The share of each metric in scores: how far one drops where the metric is as on a typical day.

    Args:
        model: A trained forest.
        rows: As for `score`.
        scores: What it gave for them.

    Returns:
        Contributions (row, metric); each row sums to 1, a missing metric has 0.
    """
    present = np.isfinite(rows[:, :, 0])
    if not len(rows):
        return np.zeros(present.shape)
    filled = _fill(rows, model.medians)
    count, metrics = present.shape
    typical = np.repeat(filled[None], metrics, axis=0)
    typical[np.arange(metrics), :, np.arange(metrics)] = model.medians[:, None]
    values, seen = typical.reshape(metrics * count, metrics, -1), np.tile(present, (metrics, 1))
    without = model.forest.scores(_matrix(values, seen, model.centre, model.precision))
    drops = np.where(present, np.maximum(scores[:, None] - without.reshape(metrics, count).T, 0.0), 0.0)
    # Where no single metric lowers the score, all that were read share it.
    drops = np.where(drops.sum(axis=1, keepdims=True) > 0, drops, present.astype(np.float64))
    found: Floats = drops / drops.sum(axis=1, keepdims=True)
    return found


def _fill(rows: Floats, medians: Floats) -> Floats:
    """Rows with what is missing replaced by the typical value: a missing metric speaks neither for nor against."""
    return np.where(np.isfinite(rows), rows, medians)


def _matrix(filled: Floats, present: Flags, centre: Floats, precision: Floats) -> Floats:
    """The forest's columns: the worst metrics of each feature, then how the metrics stand together.

    Worst: of level, change, spread and pattern the largest and the second largest over the metrics. (A column for
    every metric would hide one wild metric among many tame ones, since a tree picks its columns at random; the
    features are on one scale, so that they can be compared across metrics.) Together: strength (root mean square of
    the bad-side levels), breadth (participation ratio of those: 1 when one of many metrics is bad, towards the
    number of metrics when all are), and the Mahalanobis distance of the levels from what training knows as their
    usual relation.
    """
    level = filled[:, :, 0]
    bad = np.where(present, np.maximum(level, 0.0), 0.0)
    squares = (bad * bad).sum(axis=1)
    strength = np.sqrt(squares / np.maximum(present.sum(axis=1), 1))
    breadth = bad.sum(axis=1) ** 2 / np.maximum(squares, 1e-12) * (squares > 0.1)
    away = level - centre
    distance = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", away, precision, away), 0.0))
    worst = np.sort(filled, axis=1)[:, ::-1][:, :_WORST]
    return np.column_stack([worst.reshape(len(filled), -1), strength, breadth, distance])


def _as_json(metrics: list[str], row: Floats, shares: Floats) -> str:
    """Contributions of the metrics that were read, largest first."""
    read = [i for i in np.argsort(-shares, kind="stable") if np.isfinite(row[i, 0])]
    return json.dumps({metrics[i]: round(float(shares[i]), 6) for i in read})
