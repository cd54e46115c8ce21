"""Small organisations to tell about: of hand-made series, and of the simulated cloud."""

from collections.abc import Sequence
from datetime import date, timedelta

from mist_pipeline.simulator.world.world import World
from mist_pipeline_tests.support.facts.analysed import analysed, blamed, daily
from mist_pipeline_tests.support.facts.truth import Truth

D = date(2026, 11, 19)


def told(**series: Sequence[float | None]) -> Truth:
    """The day of these series, each ``<site>_<metric>`` with ``_`` for ``-``."""
    named = {(name[0], name[2:].replace("_", "-")): scores for name, scores in series.items()}
    history = daily(named, D)
    return analysed(history, D, classifiers=blamed(history, D, ["weak-signal", "asymmetry-uplink"]))


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
