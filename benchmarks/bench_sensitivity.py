"""What ``alerts.sensitivity`` costs: one tidy and two messy worlds, detected and replayed at several strictnesses.

History is made without HTTP, so there is no daily analysis; the rest is as in `bench_detection`: every closed hour is evaluated by
the same detection and the same lifecycle, and compared with the truth by `detection_score`. Evidence is made once a world.

Run with ``.venv/bin/python -m benchmarks sensitivity``; other worlds: ``python -m benchmarks.bench_sensitivity --sites 60
--days 120 --tidy 8451 --messy 8401 8403``.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import polars as pl

from benchmarks.detection_score import HEADER, Result, pooled, scored
from mist_pipeline.alerts.lifecycle.observations import FAMILIES, EvaluationInput
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.analysis.detection import HOUR, DetectionRules, detect_hours
from mist_pipeline.analysis.evidence.gates import STRICTNESS, NotableOptions
from mist_pipeline.analysis.evidence.model import evidence
from mist_pipeline.analysis.findings.inputs import SpanFrames
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.analysis.scores.bands import Bands, UserGate, with_severity
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.simulator.world.measurements import FOCUS
from mist_pipeline.simulator.world.world import World

TIDY_SEEDS, MESSY_SEEDS = (8451,), (8401, 8403)


@dataclass(frozen=True)
class Hours:
    """A world's hours with their evidence; what does not depend on the sensitivity.

    Attributes:
        world: The world.
        frames: As its history tables, with severities.
        evidence: ``analysis.evidence`` of all hours.
        sites: ``history.sites``, the newest row of each site.
    """

    world: World
    frames: SpanFrames
    evidence: pl.DataFrame
    sites: pl.DataFrame

    @classmethod
    def of(cls, world: World) -> "Hours":
        """Make history and evidence of a world."""
        last = world.first_day + timedelta(days=world.days - 1)
        history = world.history(world.first_day, last, device_counts=False)
        clients = history["site_hourly"].select("hour", "site_id", num_users="num_clients")
        readings = with_severity(
            history["sle_hourly"].join(clients, on=["hour", "site_id"], how="left"),
            Bands(),
            {},
            UserGate(min_user_minutes=0, window_minutes=60),
        )
        found = evidence(
            history["sle_hourly"], history["classifiers_hourly"], history["site_hourly"], history["sites"]
        )
        newest = history["sites"].sort("day").unique("site_id", keep="last")
        return cls(
            world, SpanFrames(readings=readings, site_hourly=history["site_hourly"]), found.rows, newest
        )

    def evaluations(self, rules: DetectionRules) -> Iterator[EvaluationInput]:
        """Every closed hour, as a replay evaluates it."""
        detected = detect_hours(self.frames, self.evidence, self.sites, self.world.first_day, rules)
        readings = self.frames.readings
        assert readings is not None
        asked, findings, support, causes, episodes, levels = (
            {key[0]: rows for key, rows in frame.partition_by("as_of", as_dict=True).items()}
            for frame in (
                readings.select(
                    (pl.col("hour") + HOUR).alias("as_of"), "site_id", "metric", "state", "score_pct"
                ),
                detected.findings,
                detected.support,
                detected.causes,
                detected.episodes,
                detected.levels,
            )
        )
        for at in sorted(asked):
            yield EvaluationInput(
                as_of=at,
                source="live",
                findings=findings.get(at, detected.findings.clear()),
                readings=asked[at],
                support=support.get(at),
                episodes=episodes.get(at, detected.episodes.clear()),
                levels=levels.get(at),
                causes=causes.get(at),
                site_count=self.sites.height,
            )

    def result(self, strictness: float) -> Result:
        """What people would have been told, against the truth."""
        titles = {metric.name: metric.title for metric in CATALOGUE.values()}
        rules = DetectionRules(
            findings=FindingRules(families=FAMILIES, titles=titles),
            gates=NotableOptions(strictness=strictness),
        )
        told = replay(self.evaluations(rules))
        return scored(self.world, told.alerts, told.event_frame())


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=30)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--tidy", type=int, nargs="*", default=TIDY_SEEDS, help="seeds of tidy worlds")
    parser.add_argument("--messy", type=int, nargs="*", default=MESSY_SEEDS, help="seeds of messy worlds")
    parser.add_argument(
        "--added", type=float, nargs="+", default=sorted(STRICTNESS.values()), help="to the surprise of gates"
    )
    parser.add_argument(
        "--focus",
        type=float,
        nargs="+",
        default=[FOCUS],
        help="share of a trouble that the cloud counts for its own classifiers; the rest for all of them, as noise is",
    )
    chosen = parser.parse_args(arguments)
    names = {added: f" ({name})" for name, added in STRICTNESS.items()}
    print(f"{chosen.sites} sites × {chosen.days} days\n\n{HEADER}")
    for focus, (kind, seeds) in product(chosen.focus, (("tidy", chosen.tidy), ("messy", chosen.messy))):
        worlds = [
            Hours.of(World(chosen.sites, chosen.days, seed, messy=kind == "messy", focus=focus))
            for seed in seeds
        ]
        spread = "" if focus == FOCUS else f", focus {focus:g}"
        for added in chosen.added if worlds else ():
            print(
                pooled([one.result(added) for one in worlds]).row(
                    f"{kind} +{added:g}{names.get(added, '')}{spread}"
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
