"""Small made-up histories in the shapes of the hourly tables, for the tests of evidence."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2026, 2, 2, tzinfo=UTC)
CLASSIFIERS = ("weak-signal", "asymmetry-uplink")

Frames = dict[str, pl.DataFrame]


def hours_of(days: int) -> pl.Series:
    """All hours of so many days from `START`."""
    end = START + timedelta(days=days) - timedelta(hours=1)
    return pl.datetime_range(START, end, "1h", eager=True, time_zone="UTC").cast(pl.Datetime("us", "UTC"))


def history(
    *,
    sites: int = 4,
    days: int = 30,
    seed: int = 3,
    metrics: tuple[str, ...] = ("coverage", "capacity"),
    extra: Mapping[tuple[int, str], tuple[int, int, float]] | None = None,
    zone: str = "Europe/Berlin",
    users: float = 30.0,
) -> Frames:
    """Sites with opening hours, a daily pattern and skewed noise around 4 % degraded.

    Args:
        sites: How many.
        days: How many, from `START`.
        seed: Of the noise; a site's noise depends on its own number only.
        metrics: Names.
        extra: (site, metric) → first hour, hour after the last, degraded share on top.
        zone: IANA zone of all sites.
        users: Usual number at the busiest hour.
    """
    hours = hours_of(days)
    n = len(hours)
    hour_of_day = np.arange(n) % 24
    is_open = (hour_of_day >= 8) & (hour_of_day < 20)
    sle, site_rows, parts = [], [], []
    for site in range(sites):
        rng = np.random.default_rng([seed, site])
        site_id = f"site-{site:03d}"
        clients = rng.poisson(np.where(is_open, users, users * 0.02))
        site_rows.append(
            pl.DataFrame(
                {"hour": hours, "site_id": site_id, "num_clients": clients.astype(np.int64)}
            ).with_columns(num_aps=pl.lit(4, pl.Int64), num_aps_connected=pl.lit(4, pl.Int64))
        )
        for metric in metrics:
            total = clients * 60.0
            share = rng.gamma(1.5, 0.04 / 1.5, n)
            first, end, more = (extra or {}).get((site, metric), (0, 0, 0.0))
            share[first:end] += more
            degraded = total * np.minimum(share, 1.0)
            mix = rng.dirichlet((2.0, 2.0), n)
            mix[first:end] = (0.95, 0.05)
            state = np.where(total > 0, "ok", "no_users")
            sle.append(
                pl.DataFrame(
                    {"hour": hours, "site_id": site_id, "metric": metric, "state": state}
                ).with_columns(
                    total_user_minutes=pl.Series(total),
                    degraded_user_minutes=pl.Series(degraded),
                    score_pct=pl.Series(100.0 * (1.0 - np.minimum(share, 1.0))),
                )
            )
            parts.extend(
                pl.DataFrame(
                    {"hour": hours, "site_id": site_id, "metric": metric, "classifier": name}
                ).with_columns(
                    degraded_user_minutes=pl.Series(degraded * mix[:, i]), total_user_minutes=pl.Series(total)
                )
                for i, name in enumerate(CLASSIFIERS)
            )
    names = [f"site-{site:03d}" for site in range(sites)]
    dimension = pl.DataFrame({"site_id": names}).with_columns(
        day=pl.lit(START.date()),
        timezone=pl.lit(zone),
        sitegroup_ids=pl.lit(pl.Series([["north"]])).first(),
        country_code=pl.lit("DE"),
        attributes=pl.lit('{"models": {"AP45": 4}}'),
    )
    score = pl.when(pl.col("state") == "ok").then("score_pct")
    frames = {
        "sle_hourly": pl.concat(sle).with_columns(score_pct=score),
        "classifiers_hourly": pl.concat(parts),
        "site_hourly": pl.concat(site_rows),
    }
    return {
        **{name: frame.with_columns(day=pl.col("hour").dt.date()) for name, frame in frames.items()},
        "sites": dimension,
    }


def until(frames: Frames, hour: datetime) -> Frames:
    """The same history, cut before an hour."""
    return {
        name: frame if name == "sites" else frame.filter(pl.col("hour") < hour)
        for name, frame in frames.items()
    }


def since(frames: Frames, hour: datetime) -> Frames:
    """The same history, from an hour on."""
    return {
        name: frame if name == "sites" else frame.filter(pl.col("hour") >= hour)
        for name, frame in frames.items()
    }
