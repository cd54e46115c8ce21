"""Which sites depart from their expectation together: correlation of deviations, pair by pair, in blocks.

Here: the pairs worth storing in ``analysis.correlations``. Not here: why they move together (``candidates`` tests
shared attributes) and what is expected (``baselines``). Raw levels are never correlated: everything has a weekend.

>>> drops = [0, -9, 1, 0, -8, 0, 1, -9, 0, 1, 0, -7, 0, 1, -9, 0, 0, 1, -8, 0]
>>> frame = pl.DataFrame(
...     [
...         (date(2026, 3, 1) + timedelta(days=k), site, "capacity", 95.0 + drop + k % share / 9, 95.0)
...         for site, share in (("s1", 3), ("s2", 4))
...         for k, drop in enumerate(drops)
...     ],
...     schema=["day", "site_id", "metric", "score_pct", "expected_pct"],
...     orient="row",
... )
>>> found = correlations(frame, [date(2026, 3, 20)])
>>> found.select("site_a", "site_b", "n").rows(), found["coefficient"][0] > 0.8
([('s1', 's2', 20)], True)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from mist_pipeline.tables import analysis

Array = npt.NDArray[np.float64]

_SCHEMA = analysis.CORRELATIONS.polars_schema()


@dataclass(frozen=True)
class CorrelationSettings:
    """Which pairs are notable.

    Attributes:
        window_days: Days correlated, the day itself included.
        min_days: Days that both sites need.
        min_coefficient: Practical size below which a pair is not worth knowing.
        expected_false_pairs: Pairs per metric and day that may pass by chance among independent sites.
        min_joint_days: Days on which both must be out of their ordinary (beyond one standard deviation, on the same
            side): one shared bad day is a coincidence.
        top_k: Partners kept per site and metric.
        block_sites: Rows of the correlation matrix that are in memory at a time.
    """

    window_days: int = 30
    min_days: int = 14
    min_coefficient: float = 0.6
    expected_false_pairs: float = 1.0
    min_joint_days: int = 3
    top_k: int = 5
    block_sites: int = 512


def correlations(
    deviations: pl.DataFrame, days: Sequence[date], settings: CorrelationSettings | None = None
) -> pl.DataFrame:
    """Notable pairs of sites for each metric and day.

    The coefficient is Pearson's, of the normal scores of deviations (score − expectation), over the days that both
    sites have: a rank correlation, whatever the shape of the noise. A pair is notable when the coefficient is at least ``min_coefficient``, when Fisher's z of it exceeds what ``expected_false_pairs`` among
    all pairs of the metric allow (with Bartlett's effective n = n (1 − ρₐρ_b) / (1 + ρₐρ_b), since deviations last),
    and when both were out of their ordinary on ``min_joint_days``. Only positive coefficients are kept: a site that
    improves while another suffers shares no trouble with it.

    Args:
        deviations: day, site_id, metric, score_pct, expected_pct, of the days and the window before each.
        days: Days to compute.
        settings: Window and thresholds.

    Returns:
        ``analysis.correlations``, site_a < site_b, sorted by key. A pair is kept when it is among the ``top_k`` of either site.

    Sources: Fisher, Metron 1 (1921); Bartlett, JRSS 98 (1935).
    """
    from threadpoolctl import threadpool_limits

    settings = settings or CorrelationSettings()
    wanted = sorted(set(days))
    found = [analysis.CORRELATIONS.empty()]
    if wanted:
        first = wanted[0] - timedelta(days=settings.window_days - 1)
        residuals = deviations.select(
            "day", "site_id", "metric", (pl.col("score_pct") - pl.col("expected_pct")).alias("residual")
        ).filter(pl.col("residual").is_finite(), pl.col("day").is_between(first, wanted[-1]))
        for (metric,), rows in residuals.group_by("metric"):
            sites, dense = _dense(rows, first, wanted[-1])
            # Thin matrices gain nothing from BLAS threads, and on a busy machine those cost ten times the product.
            with threadpool_limits(limits=1, user_api="blas"):
                for day in wanted:
                    start = (day - first).days - settings.window_days + 1
                    pairs = _pairs(sites, dense[:, start : start + settings.window_days], settings)
                    found.append(pairs.with_columns(pl.lit(day).alias("day"), pl.lit(metric).alias("metric")))
    return pl.concat(
        frame.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items()) for frame in found
    ).sort("day", "metric", "site_a", "site_b")


def normal_scores(residual: Array, min_days: int) -> Array:
    """Each row's values as normal scores, Φ⁻¹((rank − 3/8) / (n + 1/4)), ties sharing their mean rank.

    Scores are skewed and have outliers; Fisher's z is only honest far out in its tail, where thousands of sites are
    compared, on normal margins. (With exponential deviations and 3,000 sites, winsorising left 24 times the
    intended number of false pairs.)

    Args:
        residual: (site, day), NaN where missing.
        min_days: A row with fewer values is NaN in the answer, so is one that never varies.

    Source: Blom, Statistical Estimates and Transformed Beta-Variables (1958).
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    seen = np.isfinite(residual)
    n = seen.sum(axis=1, keepdims=True)
    # What is missing ranks last and so leaves the ranks of the rest alone.
    ranks = rankdata(np.where(seen, residual, np.inf), axis=1)
    scores = ndtri(np.clip((ranks - 0.375) / (n + 0.25), 1e-9, 1 - 1e-9))
    low, high = np.where(seen, residual, np.inf).min(axis=1), np.where(seen, residual, -np.inf).max(axis=1)
    usable = (n[:, 0] >= min_days) & (high > low)
    return np.where(seen & usable[:, None], scores, np.nan)


def _dense(rows: pl.DataFrame, first: date, last: date) -> tuple[npt.NDArray[np.object_], Array]:
    """Sorted site ids and their residuals (site, day from first to last), NaN where missing."""
    sites = rows["site_id"].unique().sort()
    ordered = rows.join(sites.to_frame().with_row_index("row"), on="site_id")
    values = np.full((len(sites), (last - first).days + 1), np.nan)
    column = (ordered["day"] - first).dt.total_days().to_numpy()
    values[ordered["row"].to_numpy(), column] = ordered["residual"].to_numpy()
    return np.array(sites.to_list(), dtype=object), values


def _pairs(sites: npt.NDArray[np.object_], window: Array, settings: CorrelationSettings) -> pl.DataFrame:
    """Notable pairs of one metric in one window: site_a, site_b, coefficient, n."""
    scores = normal_scores(window, settings.min_days)
    usable = np.isfinite(scores).any(axis=1)
    names = sites[usable]
    first, second, coefficient, n = _notable(scores[usable], settings)
    keep = _among_best(first, second, coefficient, len(names), settings.top_k)
    return pl.DataFrame(
        {
            "site_a": names[first[keep]].tolist(),
            "site_b": names[second[keep]].tolist(),
            "coefficient": coefficient[keep],
            "n": n[keep],
        },
        schema={name: _SCHEMA[name] for name in ("site_a", "site_b", "coefficient", "n")},
    )


def _notable(
    rows: Array, settings: CorrelationSettings
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array, npt.NDArray[np.int64]]:
    """Row numbers a < b, coefficients and n of the notable pairs; the matrix exists one block of rows at a time."""
    from scipy.stats import norm

    sites = len(rows)
    seen = np.isfinite(rows).astype(np.float64)
    x = np.where(seen > 0, rows, 0.0)
    squares = x * x
    worse, better = (x < -1.0).astype(np.float64), (x > 1.0).astype(np.float64)
    memory = _lag_one(x, seen)
    pairs = max(sites * (sites - 1) / 2, 1.0)
    critical = float(norm.isf(min(settings.expected_false_pairs / pairs, 0.5)))
    nothing = np.zeros(0, dtype=np.int64)
    answers = [(nothing, nothing, np.zeros(0), nothing)]
    for start in range(0, sites, settings.block_sites):
        stop = min(start + settings.block_sites, sites)
        block, rest = slice(start, stop), slice(start, sites)
        n = seen[block] @ seen[rest].T
        sum_a, sum_b = x[block] @ seen[rest].T, seen[block] @ x[rest].T
        square_a, square_b = squares[block] @ seen[rest].T, seen[block] @ squares[rest].T
        covariance = n * (x[block] @ x[rest].T) - sum_a * sum_b
        variance = (n * square_a - sum_a**2) * (n * square_b - sum_b**2)
        joint = np.maximum(worse[block] @ worse[rest].T, better[block] @ better[rest].T)
        # Squares instead of roots: the whole block is compared, the expensive part is for the few that remain.
        is_candidate = (
            (n >= settings.min_days)
            & (covariance > 0)
            & (variance > 1e-9)
            & (covariance * covariance >= settings.min_coefficient**2 * variance)
            & (joint >= settings.min_joint_days)
        )
        a, b = np.nonzero(np.triu(is_candidate, k=1))
        days, r = n[a, b], np.minimum(covariance[a, b] / np.sqrt(variance[a, b]), 1.0)
        a, b = a + start, b + start
        product = np.clip(memory[a] * memory[b], 0.0, 0.9)
        effective = np.maximum(days * (1.0 - product) / (1.0 + product) - 3.0, 0.0)
        is_notable = np.arctanh(np.minimum(r, 1.0 - 1e-12)) * np.sqrt(effective) >= critical
        answers.append((a[is_notable], b[is_notable], r[is_notable], days[is_notable].astype(np.int64)))
    first, second, coefficient, count = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    return first, second, coefficient, count


def _lag_one(x: Array, seen: Array) -> Array:
    """Autocorrelation of each row from one day to the next, 0 where it cannot be estimated."""
    both = seen[:, 1:] * seen[:, :-1]
    mean = x.sum(axis=1, keepdims=True) / np.maximum(seen.sum(axis=1, keepdims=True), 1.0)
    centred = (x - mean) * seen
    products = (centred[:, 1:] * centred[:, :-1] * both).sum(axis=1)
    variance = (centred**2).sum(axis=1)
    return np.asarray(np.divide(products, variance, out=np.zeros_like(products), where=variance > 1e-9))


def _among_best(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], coefficient: Array, sites: int, top_k: int
) -> npt.NDArray[np.bool_]:
    """Whether a pair is among the ``top_k`` of at least one of its sites (ties by site order)."""
    pair = np.tile(np.arange(len(first)), 2)
    site, partner = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.lexsort((partner, -np.tile(coefficient, 2), site))
    begins = np.searchsorted(site[order], np.arange(sites))
    rank = np.arange(len(order)) - begins[site[order]]
    keep = np.zeros(len(first), dtype=np.bool_)
    keep[pair[order[rank < top_k]]] = True
    return keep
