"""A whole small (or large) organisation on disk: warehouse, published copy, published live tables, sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from mist_pipeline.overview.reader import Overview, Places
from mist_pipeline.tables import analysis, history, live
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.publish import publish, publish_live
from mist_pipeline.warehouse.store import Warehouse

AT = datetime(2026, 3, 2, 14, 47, tzinfo=UTC)
"""Now."""
POLLED = datetime(2026, 3, 2, 14, 45, tzinfo=UTC)
"""The newest poll."""
METRICS = (
    "capacity",
    "coverage",
    "roaming",
    "throughput",
    "time-to-connect",
    "successful-connect",
    "ap-health",
)
HOSTILE = (
    "<script>alert(1)</script>",
    "[red]Köln[/red] [link=http://x]",
    "\u202eelif.exe מרכז",
    "Bell\x07\x1b[31m Town\nLine two",
    "a" * 300,
    "",
)
"""Names that a renderer must survive."""


def full(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with every column of a table; what is not given is null."""
    types = table.polars_schema()
    missing = {name: pl.lit(None, kind) for name, kind in types.items() if name not in frame.columns}
    return frame.with_columns(**missing)


@dataclass(frozen=True)
class Organisation:
    """One on disk.

    Attributes:
        folder: Its data folder.
        names: Names of its sites; the id of the nth is ``site-n``.
    """

    folder: Path
    names: Sequence[str]

    @property
    def places(self) -> Places:
        """Where the read model looks."""
        return Places(
            published=self.folder / "published" / "mist.duckdb",
            live=self.folder / "published" / "today.duckdb",
            sites=self.folder / "evaluations" / "sites.parquet",
            ledger=self.folder / "ledger.db",
            group_names={"g-0": "North", "g-1": "South"},
            reports=self.folder / "reports",
            lines=lambda _metric: {"critical": 70.0, "major": 80.0, "warning": 90.0},
        )

    @property
    def warehouse(self) -> Warehouse:
        """Its warehouse."""
        return Warehouse(self.folder / "warehouse.duckdb")

    def overview(self) -> Overview:
        """A read model of it."""
        return Overview(self.places)

    def sites(self) -> pl.DataFrame:
        """Its sites, as ``history.sites`` has them."""
        number = range(len(self.names))
        return full(
            history.SITES,
            pl.DataFrame(
                {
                    "site_id": [f"site-{one}" for one in number],
                    "name": list(self.names),
                    "sitegroup_ids": [[f"g-{one % 2}"] for one in number],
                    "country_code": ["DE"] * len(self.names),
                    "timezone": ["UTC"] * len(self.names),
                    "attributes": ["{}"] * len(self.names),
                }
            ).with_columns(day=pl.lit(POLLED.date() - timedelta(days=1))),
        )

    def readings(self, begin: datetime, hours: int) -> pl.DataFrame:
        """Hourly scores: site n is the worse the smaller n is, at capacity worst of all."""
        grid = (
            self.sites()
            .select("site_id", place=pl.int_range(pl.len()))
            .join(pl.DataFrame({"metric": METRICS}).with_row_index("step"), how="cross")
            .join(pl.DataFrame({"hour": [begin + timedelta(hours=one) for one in range(hours)]}), how="cross")
        )
        score = pl.min_horizontal(
            62.0 + pl.col("place") * 12 + pl.col("step") * 3 + pl.col("hour").dt.hour() % 3, 99.0
        )
        return full(
            history.SLE_HOURLY,
            grid.select(
                "site_id", "metric", "hour", day=pl.col("hour").dt.date(), score_pct=score.cast(pl.Float64)
            ).with_columns(
                state=pl.lit("ok"), total_user_minutes=pl.lit(900.0), degraded_user_minutes=pl.lit(9.0)
            ),
        )

    def analysed(self, warehouse: Warehouse) -> None:
        """Yesterday, with what it means."""
        day = POLLED.date() - timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        hours = self.readings(midnight, 24)
        daily = full(
            history.SLE_DAILY,
            hours.group_by("day", "site_id", "metric").agg(
                pl.col("score_pct").mean(), pl.col("state").first()
            ),
        )
        warehouse.replace_all(
            {history.SITES: self.sites(), history.SLE_HOURLY: hours, history.SLE_DAILY: daily}, [day]
        )
        sites = self.sites().select("day", "site_id")
        series = daily.select("day", "site_id", "metric")
        is_first = pl.col("site_id") == "site-0"
        warehouse.replace_all(
            {
                analysis.HEALTH_SCORES: full(
                    analysis.HEALTH_SCORES,
                    sites.with_columns(
                        status=pl.when(is_first).then(pl.lit("UNHEALTHY")).otherwise(pl.lit("HEALTHY")),
                        score=pl.lit(90.0),
                        change=pl.lit(-1.5),
                    ),
                ),
                analysis.TRENDS: full(
                    analysis.TRENDS, series.with_columns(indicator=pl.lit("↑"), change_pct=pl.lit(-4.0))
                ),
                analysis.BASELINES: full(
                    analysis.BASELINES,
                    series.with_columns(
                        day_of_week=pl.lit(-1),
                        mean_pct=pl.lit(96.0),
                        std_pct=pl.lit(1.0),
                        is_mature=pl.lit(True),
                    ),
                ),
                analysis.RISKS: full(
                    analysis.RISKS,
                    series.filter(
                        pl.col("site_id").is_in(["site-1", "site-2"]) & (pl.col("metric") == "roaming")
                    ).with_columns(
                        severity=pl.lit("critical"),
                        state=pl.lit("crossing"),
                        days=pl.lit(2.4),
                        is_pre_warning=pl.col("site_id") == "site-1",
                        is_withheld=pl.col("site_id") == "site-2",
                    ),
                ),
            },
            [day],
        )

    def polled(self, warehouse: Warehouse, at: datetime = POLLED, **scores: float) -> None:
        """A poll.

        Args:
            warehouse: Where to.
            at: Its instant.
            scores: Site (``site_3`` for ``site-3``) → score of its capacity, instead of what it would be.
        """
        midnight = at.replace(hour=0, minute=0)
        hours = self.readings(midnight, at.hour + 1)
        own = {name.replace("_", "-"): score for name, score in scores.items()}
        newest = hours.sort("hour").group_by("site_id", "metric", maintain_order=True).last()
        is_own = pl.col("site_id").is_in(list(own)) & (pl.col("metric") == "capacity")
        if own:
            replaced = pl.col("site_id").replace_strict(own, default=None, return_dtype=pl.Float64)
            newest = newest.with_columns(score_pct=pl.when(is_own).then(replaced).otherwise("score_pct"))
        score = pl.col("score_pct")
        bands = pl.when(score < 70).then(pl.lit("critical")).when(score < 80).then(pl.lit("major"))
        status = newest.select("site_id", "metric", "score_pct", "state").with_columns(
            as_of=pl.lit(at),
            severity=bands.when(score < 90).then(pl.lit("warning")).otherwise(pl.lit("info")),
            num_clients=pl.lit(20),
            changed_since=pl.lit(at),
        )
        classifiers = newest.select("site_id", "metric", "hour", "day").with_columns(
            classifier=pl.lit("weak-signal"),
            degraded_user_minutes=pl.lit(30.0),
            total_user_minutes=pl.lit(900.0),
        )
        warehouse.replace_tables(
            {
                live.SLE_HOURLY: full(live.SLE_HOURLY, hours),
                live.STATUS: full(live.STATUS, status),
                live.CLASSIFIERS_HOURLY: full(live.CLASSIFIERS_HOURLY, classifiers),
            }
        )
        finding = {
            "as_of": at, "site_id": "site-0", "metric": "capacity", "kind": "threshold", "severity": "critical",
            "summary": "Capacity is at 62 %.", "evidence": "{}", "fingerprint": "f1", "family": "radio",
        }  # fmt: skip
        warehouse.append(live.FINDINGS, full(live.FINDINGS, pl.DataFrame([finding])))

    def make(self, *, days: bool = True, polls: bool = True) -> "Organisation":
        """Write it: analysed, polled and published."""
        self.places.sites.parent.mkdir(parents=True, exist_ok=True)
        warehouse = self.warehouse
        self.sites().select(
            "site_id", "name", "timezone", "country_code", "sitegroup_ids", "attributes"
        ).write_parquet(self.places.sites)
        if days:
            self.analysed(warehouse)
        if polls:
            self.polled(warehouse)
            self.show()
        if days:
            publish(warehouse, self.places.published)
        return self

    def show(self) -> None:
        """Publish the live tables."""
        publish_live(self.warehouse, self.places.live)
