"""Measurements as frames of the history tables, for tests of analysis without HTTP.

Columns, types and units are those of ``tables.history``; days are the organisation's. Neighbour: `measurements` makes
the numbers.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Protocol

import numpy as np
import polars as pl

from mist_pipeline.domain.metrics import CATALOGUE, normalise
from mist_pipeline.domain.severity import TROUBLE
from mist_pipeline.simulator.world import opening_hours
from mist_pipeline.simulator.world.measurements import MeasurementModel, Measurements
from mist_pipeline.simulator.world.organisation import AP_MODELS, Site
from mist_pipeline.simulator.world.randomness import Floats, Ints
from mist_pipeline.simulator.world.scenario import Scenario
from mist_pipeline.tables.history import (
    CLASSIFIERS_DAILY,
    CLASSIFIERS_HOURLY,
    SITE_HOURLY,
    SITES,
    SLE_DAILY,
    SLE_HOURLY,
)
from mist_pipeline.tables.schema import Table

_CELLS_AT_ONCE: Final = 2_000_000
_STAY_HOURS: Final = 3.0
_LEAST_USERS: Final = 5
_LEAST_USER_MINUTES: Final = 300.0

_LIMITS: Final = dict(zip(TROUBLE, (70.0, 80.0, 90.0), strict=True))
"""Severity → the score below which a day has it: the default thresholds of the pipeline."""


class Organisation(Protocol):
    """What the frames need of a world."""

    model: MeasurementModel
    scenarios: tuple[Scenario, ...]
    organisation_zone: str

    def sites(self) -> tuple[Site, ...]:
        """All sites, in order of index."""
        ...

    def sites_at(self, moment: datetime) -> list[Site]:
        """The sites that are there at a moment, as they are called then."""
        ...

    def site_changes(self) -> list[datetime]:
        """When sites are renamed or moved."""
        ...

    def midnight(self, day: date) -> datetime:
        """The start of a day of the organisation, in UTC."""
        ...

    def firmware(self, model: str, site: int, moment: datetime) -> str:
        """Firmware of an AP model at a site at a moment."""
        ...


def _shaped(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of a table in its order and types; numbers stay as they are."""
    return frame.select(pl.col(name).cast(kind) for name, kind in table.polars_schema().items())


def distinct_users(clients: Floats) -> Floats:
    """Different users of a window: they stay three hours each, and at least the busiest hour's were there.

    Args:
        clients: Users by hour, shape (S, H).

    Returns:
        Shape (S,).
    """
    return np.asarray(np.round(np.maximum(clients.max(axis=1), clients.sum(axis=1) / _STAY_HOURS)))


def history(
    world: Organisation,
    start_day: date,
    end_day: date,
    metrics: Sequence[str],
    *,
    device_counts: bool,
    only_scores: bool,
) -> dict[str, pl.DataFrame]:
    """See `World.history`."""
    hours = np.arange(
        opening_hours.hour_of(world.midnight(start_day)),
        opening_hours.hour_of(world.midnight(end_day + timedelta(days=1))),
    )
    parts: dict[str, list[pl.DataFrame]] = {}
    for sites in _batches(len(world.sites()), len(hours) * len(metrics)):
        block = world.model.measure(sites, hours, metrics)
        for name, frame in _tables(world, block, device_counts, only_scores).items():
            parts.setdefault(name, []).append(frame)
    tables = {name: pl.concat(frames) for name, frames in parts.items()}
    return {"sites": _sites(world, start_day, end_day), **tables}


def _batches(num_sites: int, cells_of_one: int) -> Iterator[Ints]:
    size = max(1, _CELLS_AT_ONCE // cells_of_one)
    for first in range(0, max(num_sites, 1), size):
        yield np.arange(first, min(first + size, num_sites), dtype=np.int64)


def _tables(
    world: Organisation, block: Measurements, device_counts: bool, only_scores: bool
) -> dict[str, pl.DataFrame]:
    ids = pl.Series("site_id", [world.sites()[index].site_id for index in block.sites], dtype=pl.String)
    times = pl.DataFrame(
        {"hour": pl.Series(block.hours * 3_600_000_000).cast(pl.Datetime("us", "UTC"))}
    ).with_columns(day=pl.col("hour").dt.convert_time_zone(world.organisation_zone).dt.date())
    site_hourly = _site_hourly(world, block, ids, times, device_counts)
    sle_hourly = _sle_hourly(block, ids, times)
    if only_scores:
        return {"sle_hourly": sle_hourly, "site_hourly": site_hourly}
    classifiers = pl.concat(
        [_classifiers_hourly(world, block, metric, ids, times) for metric in block.metrics]
    )
    users = (
        site_hourly.group_by("day", "site_id")
        .agg(
            pl.col("num_clients").max().alias("peak"),
            (pl.col("num_clients").sum() / _STAY_HOURS).alias("stays"),
        )
        .select("day", "site_id", users=pl.max_horizontal("peak", "stays").round().cast(pl.Int64))
    )
    sle_daily = _sle_daily(sle_hourly, users)
    return {
        "sle_hourly": sle_hourly,
        "site_hourly": site_hourly,
        "classifiers_hourly": classifiers,
        "sle_daily": sle_daily,
        "classifiers_daily": _classifiers_daily(classifiers, users, site_hourly),
    }


def _rows(ids: pl.Series, times: pl.DataFrame, at: tuple[Ints, ...]) -> dict[str, pl.Series]:
    """Key columns of the rows at (site row, hour column, …)."""
    return {
        "hour": times["hour"].gather(at[1]),
        "site_id": ids.gather(at[0]),
        "day": times["day"].gather(at[1]),
    }


def _site_hourly(
    world: Organisation, block: Measurements, ids: pl.Series, times: pl.DataFrame, device_counts: bool
) -> pl.DataFrame:
    at = np.nonzero(block.exists)
    num_aps = np.array([world.sites()[index].num_aps for index in block.sites])
    keys = _rows(ids, times, at)
    connected = block.connected[at] if device_counts else np.full(len(at[0]), np.nan)
    frame = pl.DataFrame(
        {
            **keys,
            "num_clients": pl.Series(np.where(block.silent[at], np.nan, block.clients[at]), nan_to_null=True),
            "num_aps": num_aps[at[0]],
            "num_aps_connected": pl.Series(connected, nan_to_null=True),
        }
    )
    return _shaped(SITE_HOURLY, frame)


def _sle_hourly(block: Measurements, ids: pl.Series, times: pl.DataFrame) -> pl.DataFrame:
    exists = np.broadcast_to(block.exists[:, :, None], block.total.shape)
    at = np.nonzero(exists)
    metrics = pl.Series("metric", block.metrics, dtype=pl.String)
    units = pl.Series("unit", [CATALOGUE[name].measured_unit for name in block.metrics], dtype=pl.String)
    supported = np.broadcast_to(block.supported[:, None, :], block.total.shape)
    keys = _rows(ids, times, at)
    total = pl.col("total_user_minutes")
    frame = pl.DataFrame(
        {
            **keys,
            "metric": metrics.gather(at[2]),
            "total_user_minutes": pl.Series(block.total[at], nan_to_null=True),
            "degraded_user_minutes": pl.Series(block.degraded[at], nan_to_null=True),
            "measured_value": pl.Series(block.value[at], nan_to_null=True),
            "measured_unit": units.gather(at[2]),
            "supported": supported[at],
        }
    ).with_columns(
        score_pct=pl.when(total > 0).then(100.0 * (1.0 - pl.col("degraded_user_minutes") / total)),
        state=pl.when(~pl.col("supported"))
        .then(pl.lit("not_supported"))
        .when(total.is_null())
        .then(pl.lit("missing"))
        .when(total == 0)
        .then(pl.lit("no_users"))
        .otherwise(pl.lit("ok")),
    )
    return _shaped(SLE_HOURLY, frame)


def _classifiers_hourly(
    world: Organisation, block: Measurements, metric: str, ids: pl.Series, times: pl.DataFrame
) -> pl.DataFrame:
    names, minutes = world.model.classifiers(block, metric)
    total = np.broadcast_to(block.total[:, :, block.metrics.index(metric), None], minutes.shape)
    at = np.nonzero(total > 0)
    keys = _rows(ids, times, at)
    frame = pl.DataFrame(
        {
            **keys,
            "metric": pl.repeat(metric, len(at[0]), dtype=pl.String, eager=True),
            "classifier": pl.Series([normalise(name) for name in names], dtype=pl.String).gather(at[2]),
            "degraded_user_minutes": minutes[at],
            "total_user_minutes": total[at],
        }
    )
    return _shaped(CLASSIFIERS_HOURLY, frame)


def _sle_daily(hourly: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    total, degraded = pl.col("total_user_minutes"), pl.col("degraded_user_minutes")
    score = pl.col("score_pct")
    severity = pl.coalesce(
        *(pl.when(score < limit).then(pl.lit(name)) for name, limit in _LIMITS.items()),
        pl.when(score.is_not_null()).then(pl.lit("info")),
    )
    enough = (pl.col("users") >= _LEAST_USERS) & (total >= _LEAST_USER_MINUTES)
    frame = (
        hourly.group_by("day", "site_id", "metric", maintain_order=True)
        .agg(
            pl.when(total.count() > 0).then(total.sum()).alias("total_user_minutes"),
            pl.when(degraded.count() > 0).then(degraded.sum()).alias("degraded_user_minutes"),
            (pl.col("measured_value") * total).sum().alias("weighted"),
            total.filter(pl.col("measured_value").is_not_null()).sum().alias("weights"),
            pl.col("measured_unit").first(),
            (pl.col("state") == "not_supported").any().alias("unsupported"),
            total.count().cast(pl.Int64).alias("known_hours"),
        )
        .join(users, on=["day", "site_id"], how="left", maintain_order="left")
        .with_columns(
            score_pct=pl.when(total > 0).then(100.0 * (1.0 - degraded / total)),
            measured_value=pl.when(pl.col("weights") > 0).then(pl.col("weighted") / pl.col("weights")),
            state=pl.when("unsupported")
            .then(pl.lit("not_supported"))
            .when(total.is_null())
            .then(pl.lit("missing"))
            .when(total == 0)
            .then(pl.lit("no_users"))
            .otherwise(pl.lit("ok")),
        )
        .with_columns(
            num_users=pl.when(pl.col("state") == "ok").then("users"),
            hours_covered=pl.when(~pl.col("unsupported")).then("known_hours"),
            severity=pl.when(enough).then(severity),
        )
    )
    return _shaped(SLE_DAILY, frame)


def _classifiers_daily(hourly: pl.DataFrame, users: pl.DataFrame, site_hourly: pl.DataFrame) -> pl.DataFrame:
    aps = site_hourly.group_by("site_id").agg(pl.col("num_aps").max())
    share = pl.col("degraded_user_minutes") / pl.col("total_user_minutes")
    frame = (
        hourly.group_by("day", "site_id", "metric", "classifier", maintain_order=True)
        .agg(pl.col("degraded_user_minutes").sum(), pl.col("total_user_minutes").sum())
        .join(users, on=["day", "site_id"], how="left", maintain_order="left")
        .join(aps, on="site_id", how="left", maintain_order="left")
        .with_columns(
            degraded_pct=100.0 * share,
            num_users=impacted(pl.col("users"), share),
            num_aps=impacted(pl.col("num_aps"), share),
        )
        .with_columns(
            impact_state=pl.when(pl.col("num_users").is_null())
            .then(pl.lit("not_said"))
            .otherwise(pl.lit("known"))
        )
    )
    return _shaped(CLASSIFIERS_DAILY, frame)


def impacted(everyone: pl.Expr, share: pl.Expr) -> pl.Expr:
    """How many of them a degraded share touches: twice the share, at least one where there is any."""
    return pl.min_horizontal(everyone, (2.0 * share * everyone).ceil()).cast(pl.Int64)


def attributes(world: Organisation, site: Site, day: date) -> str:
    """The `attributes` JSON of a site at the end of a day."""
    moment = world.midnight(day + timedelta(days=1)) - timedelta(seconds=1)
    models = {model: site.num_of_model(model) for model in AP_MODELS if site.num_of_model(model)}
    firmware: dict[str, int] = {}
    for model, count in models.items():
        version = world.firmware(model, site.index, moment)
        firmware[version] = firmware.get(version, 0) + count
    templates = [site.networktemplate_id, site.rftemplate_id, site.gatewaytemplate_id]
    return json.dumps(
        {
            "models": models,
            "firmware": firmware,
            "templates": [template for template in templates if template is not None],
            "gateway": site.gateway_model,
            "num_aps": site.num_aps,
            "address": site.address,
        }
    )


def _sites(world: Organisation, start_day: date, end_day: date) -> pl.DataFrame:
    changes = sorted({scenario.onset for scenario in world.scenarios if "firmware" in scenario.cause})
    changes += sorted({scenario.end for scenario in world.scenarios if "firmware" in scenario.cause})
    changes += [at for site in world.sites() for at in (site.since, site.until) if at is not None]
    changes += world.site_changes()
    rows = []
    for offset in range((end_day - start_day).days + 1):
        day = start_day + timedelta(days=offset)
        begins, ends = world.midnight(day), world.midnight(day + timedelta(days=1))
        if offset == 0 or any(begins - timedelta(days=1) <= change < ends for change in changes):
            described = {
                site.index: attributes(world, site, day)
                for site in world.sites_at(ends - timedelta(seconds=1))
            }
        rows += [
            (
                day,
                site.site_id,
                site.name,
                site.timezone,
                site.country_code,
                site.latitude,
                site.longitude,
                list(site.sitegroup_ids),
                described[site.index],
                False,
            )
            for site in world.sites_at(ends - timedelta(seconds=1))
        ]
    return pl.DataFrame(rows, schema=SITES.polars_schema(), orient="row")
