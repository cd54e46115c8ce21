"""Since when sites are in trouble: of the episode of what is blamed, and of the run of silent hours."""

from datetime import UTC, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.detection import _onsets, silent_since

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_older_slower_or_other_episode_is_another_trouble() -> None:
    running = pl.DataFrame(
        [
            ("coverage", "weak-signal", True, 300, 9000.0),
            ("throughput", "network-issues", False, 2, 50.0),
            ("throughput", "network-issues", True, 90, 60.0),
            ("throughput", "", False, 40, 900.0),
        ],
        schema=["metric", "classifier", "is_slow", "hours", "lost_user_minutes"],
        orient="row",
    ).select(
        pl.all().exclude("hours"),
        began_at=pl.lit(NOW) - pl.duration(hours="hours"),
        as_of=pl.lit(NOW),
        site_id=pl.lit("s"),
        family=pl.lit("radio"),
    )
    flags = pl.DataFrame(
        [(NOW, "s", "throughput", "radio", True, "network-issues"), (NOW, "t", "throughput", "radio", False, None)],
        schema=["as_of", "site_id", "metric", "family", "is_degraded", "classifier"],
        orient="row",
    )  # fmt: skip
    silent = running.clear().select("as_of", "site_id", "family", "began_at")
    assert _onsets(running, silent, flags, "as_of").rows() == [(NOW, "s", "radio", NOW - 2 * HOUR)]
    others = flags.with_columns(classifier=pl.lit("never-seen"))
    assert _onsets(running, silent, others, "as_of")["began_at"].to_list() == [NOW - 40 * HOUR]


def test_a_run_of_silent_hours_began_with_its_first_one() -> None:
    hours = [NOW, NOW + HOUR, NOW + 5 * HOUR, NOW + 6 * HOUR]
    silent = pl.DataFrame(
        {"hour": [*hours, NOW + HOUR], "site_id": [*["s"] * 4, "t"], "began_at": [*hours, NOW]}
    )
    found = silent_since(silent).filter(pl.col("site_id") == "s")
    assert found["began_at"].to_list() == [NOW, NOW, NOW + 5 * HOUR, NOW + 5 * HOUR]
    assert silent_since(silent).filter(pl.col("site_id") == "t")["began_at"].to_list() == [NOW + HOUR]
