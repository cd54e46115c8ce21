"""Grades of forecasts and probabilities beside those of independent libraries, on the same random cases."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import scoringrules
from sklearn.calibration import calibration_curve
from utilsforecast.losses import coverage, mase, smape

from mist_pipeline.scorecard.forecasts import SCALE_DAYS, forecast_accuracy
from mist_pipeline.scorecard.probabilities import probabilities
from mist_pipeline.tables.scorecard import ISSUED_FORECASTS, ISSUED_RISKS
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading

SITES = [f"s{number:02d}" for number in range(40)]
HORIZON = 3
ISSUE = D - timedelta(days=HORIZON)
NOBODY = pl.DataFrame(schema={"site_id": pl.String, "site_group": pl.String})


@pytest.fixture(scope="module")
def cases() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores of forty sites over twelve weeks, one of them always 0, and a forecast of the last day with its intervals."""
    random = np.random.default_rng(8)
    days = [D - timedelta(days=ago) for ago in range(84, -1, -1)]
    scores = {site: np.clip(random.normal(88, 9, len(days)), 0, 100) for site in SITES}
    scores[SITES[0]][:] = 0.0
    history = frame(
        [
            reading(float(score), day, site_id=site)
            for site in SITES
            for day, score in zip(days, scores[site], strict=True)
        ]
    )
    mean = np.append(0.0, random.normal(88, 6, len(SITES) - 1))
    low, high = random.uniform(1, 12, (2, len(SITES)))
    issued = ISSUED_FORECASTS.conform(
        pl.DataFrame(
            {
                "site_id": SITES,
                "mean_pct": mean,
                "lower_pct": mean - 2 * low,
                "upper_pct": mean + 2 * high,
                "lower_80_pct": mean - low,
                "upper_80_pct": mean + high,
            }
        ).with_columns(
            day=pl.lit(ISSUE),
            target_day=pl.lit(D),
            horizon_days=pl.lit(HORIZON),
            metric=pl.lit("capacity"),
            model=pl.lit("arima(0,1,1)"),
            issued_at=pl.lit(datetime(2026, 11, 19, tzinfo=UTC)),
            version=pl.lit("v"),
        )
    )
    return issued, history


@pytest.fixture(scope="module")
def ours(cases: tuple[pl.DataFrame, pl.DataFrame]) -> dict[str, float]:
    """The row of all models and sites."""
    rows = forecast_accuracy(*cases, NOBODY, D)
    return rows.filter(pl.col("model") == "", pl.col("site_group") == "").row(0, named=True)


@pytest.fixture(scope="module")
def theirs(cases: tuple[pl.DataFrame, pl.DataFrame]) -> pl.DataFrame:
    """What came beside what was forecast, in the names of utilsforecast."""
    issued, history = cases
    came = history.filter(pl.col("day") == D).select("site_id", y="score_pct")
    return issued.join(came, on="site_id", maintain_order="left").select(
        "y",
        unique_id="site_id",
        ds="target_day",
        forecast="mean_pct",
        low95="lower_pct",
        high95="upper_pct",
        low80="lower_80_pct",
        high80="upper_80_pct",
    )


def test_smape_is_that_of_utilsforecast(ours: dict[str, float], theirs: pl.DataFrame) -> None:
    # Theirs lacks the factor 2 and is no percentage.
    assert ours["smape_pct"] == pytest.approx(200 * smape(theirs, ["forecast"])["forecast"].mean())


def test_mase_is_that_of_utilsforecast(
    ours: dict[str, float], theirs: pl.DataFrame, cases: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    # 56 differences of a week need 63 days up to the issue.
    known = cases[1].filter(pl.col("day").is_between(ISSUE - timedelta(days=SCALE_DAYS + 6), ISSUE))
    train = known.select(unique_id="site_id", ds="day", y="score_pct").sort("unique_id", "ds")
    varies = pl.col("unique_id") != SITES[0]
    found = mase(theirs.filter(varies), ["forecast"], seasonality=7, train_df=train.filter(varies))
    assert ours["n_scaled"] == len(SITES) - 1, "a series that does not vary has no unit"
    assert ours["mase"] == pytest.approx(found["forecast"].mean())


@pytest.mark.parametrize("level", [80, 95])
def test_coverage_and_winkler_score_are_those_of_utilsforecast_and_scoringrules(
    ours: dict[str, float], theirs: pl.DataFrame, level: int
) -> None:
    low, high = theirs[f"low{level}"], theirs[f"high{level}"]
    held = theirs.with_columns(
        pl.lit(0.0).alias("model"), low.alias(f"model-lo-{level}"), high.alias(f"model-hi-{level}")
    )
    share = coverage(held, ["model"], level)["model"].mean()
    assert 0 < ours[f"coverage_{level}"] < 1
    assert ours[f"coverage_{level}"] == pytest.approx(share)
    scores = scoringrules.interval_score(
        theirs["y"].to_numpy(), low.to_numpy(), high.to_numpy(), 1 - level / 100
    )
    assert ours[f"winkler_{level}"] == pytest.approx(np.mean(scores))


def test_reliability_by_tenths_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(9)
    n = 400
    probability, is_critical = random.uniform(size=n), random.uniform(size=n) < 0.4
    sites = [f"s{number:03d}" for number in range(n)]
    issued = ISSUED_RISKS.conform(
        pl.DataFrame({"site_id": sites, "probability": probability}).with_columns(
            day=pl.lit(D - timedelta(days=7)),
            metric=pl.lit("capacity"),
            state=pl.lit("never"),
            days=None,
            days_low=None,
            days_high=None,
            threshold_pct=80.0,
            score_pct=90.0,
            is_pre_warning=pl.lit(value=False),
            is_withheld=pl.lit(value=False),
            issued_at=pl.lit(datetime(2026, 11, 13, tzinfo=UTC)),
            version=pl.lit("v"),
        )
    )
    came = frame(
        [
            reading(
                90.0,
                D - timedelta(days=ago),
                site_id=site,
                severity="critical" if fell and ago == 0 else "info",
            )
            for site, fell in zip(sites, is_critical, strict=True)
            for ago in range(7)
        ]
    )
    rows = probabilities(issued, came, D).sort("bin_low")
    observed, predicted = calibration_curve(is_critical, probability, n_bins=10)
    assert rows["observed_share"].to_list() == pytest.approx(list(observed))
    assert rows["mean_probability"].to_list() == pytest.approx(list(predicted))
