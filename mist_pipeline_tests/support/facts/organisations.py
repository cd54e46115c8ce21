"""Small organisations to tell about: of hand-made series, and of the simulated cloud."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.causes.changes import Changed
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import history as tables
from mist_pipeline_tests.support.facts.analysed import analysed, blamed, daily
from mist_pipeline_tests.support.facts.series import noisy
from mist_pipeline_tests.support.facts.truth import Truth

D = date(2026, 11, 19)


def told(**series: Sequence[float | None]) -> Truth:
    """The day of these series, each ``<site>_<metric>`` with ``_`` for ``-``."""
    named = {(name[0], name[2:].replace("_", "-")): scores for name, scores in series.items()}
    history = daily(named, D)
    return analysed(history, D, classifiers=blamed(history, D, ["weak-signal", "asymmetry-uplink"]))


def sharing(sites: int = 12) -> Truth:
    """The day on which half of the sites, those of one group, lose their coverage, an hour and a half after somebody changed their RF
    template; users hit are known of some of them."""
    names = [f"s{number:02d}" for number in range(sites)]
    scores = {
        (name, "coverage"): [*noisy(95, 59, seed=number), 55.0 + number / 10]
        if number < sites // 2
        else noisy(95, 60, seed=number)
        for number, name in enumerate(names)
    }
    history = daily(scores, D)
    described = pl.DataFrame(
        {
            "day": [D] * sites,
            "site_id": names,
            "name": [f"Store {name}" for name in names],
            "timezone": ["UTC"] * sites,
            "country_code": ["DE"] * sites,
            "sitegroup_ids": [["north" if number < sites // 2 else "south"] for number in range(sites)],
            "attributes": ["{}"] * sites,
        }
    )
    blames = blamed(history, D, ["weak-signal", "asymmetry-uplink"]).with_columns(
        num_users=pl.when(pl.col("site_id") < "s03").then(pl.lit(20, pl.Int64)),
        num_aps=pl.when(pl.col("site_id") < "s03").then(pl.lit(2, pl.Int64)),
        impact_state=pl.when(pl.col("site_id") < "s03").then(pl.lit("known")).otherwise(pl.lit("not_asked")),
    )
    noon = datetime(D.year, D.month, D.day, 12, tzinfo=UTC)
    hit = names[: sites // 2]
    entry = {
        "day": D, "change_id": "c1", "changed_at": noon - timedelta(minutes=90), "action": "updated", "kind": "rf_template",
        "object_id": "r1", "title": "North <b>", "site_ids": hit, "state": "ok",
    }  # fmt: skip
    since = pl.DataFrame(
        {"day": [D] * len(hit), "site_id": hit, "family": ["radio"] * len(hit), "began_at": [noon] * len(hit)}
    )
    changed = Changed(pl.DataFrame([entry], schema=tables.CHANGES.polars_schema()), since)
    return analysed(history, D, sites=described, classifiers=blames, changed=changed)


def simulated(seed: int, *, sites: int = 5, days: int = 45) -> Truth:
    """A day of a simulated organisation."""
    world = World(sites=sites, days=days, seed=seed)
    last = world.first_day + timedelta(days=days - 1)
    frames = world.history(world.first_day, last)
    return analysed(
        frames["sle_daily"],
        last,
        sites=frames["sites"],
        classifiers=frames["classifiers_daily"],
        sle_hourly=frames["sle_hourly"],
        site_hourly=frames["site_hourly"],
    )
