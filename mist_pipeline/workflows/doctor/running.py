"""What runs: the pipeline's own trouble, schedules and sensors, runs whose process is gone, the dead man's switch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mist_pipeline.alerts.machines.lease import Machines
from mist_pipeline.alerts.machines.words import machine_words
from mist_pipeline.domain.text import clean, count, instant
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, Check
from mist_pipeline.workflows.self_monitoring.service import Clock
from mist_pipeline.workflows.self_monitoring.trouble import Trouble


@dataclass(frozen=True)
class Running:
    """What Dagster's instance says now.

    Attributes:
        troubles: What is wrong, as its next evaluation will find it.
        clocks: Schedules and sensors.
        dead_runs: Job and id of runs whose process is gone.
        machines: Who is active and who would take over; None where one machine works alone, or nothing runs.
    """

    troubles: Sequence[Trouble] = ()
    clocks: Sequence[Clock] = ()
    dead_runs: Sequence[str] = ()
    machines: Machines | None = None


def running(found: Running) -> Iterator[Check]:
    """Schedules and sensors, dead runs, and everything that is wrong."""
    on = [clock for clock in found.clocks if clock.is_on]
    if not on:
        said = "all are off: nothing runs by itself"
        yield Check(DOUBTFUL, "schedules, sensors", said, "`mist-pipeline daemon` turns them on")
    else:
        ticked = max((clock.last_tick for clock in on if clock.last_tick), default=None)
        last = f"last tick {instant(ticked)}" if ticked else "none has ticked yet"
        off = ", ".join(clock.name for clock in found.clocks if not clock.is_on)
        verdict = DOUBTFUL if off else FINE
        said = f"{len(on)} of {len(found.clocks)} are on, {last}" + (f"; off: {off}" if off else "")
        yield Check(verdict, "schedules, sensors", said, "`mist-pipeline daemon` turns all on" if off else "")
    if found.machines is not None:
        is_well = bool(found.machines.active and found.machines.standbys)
        fix = "" if is_well else "start `mist-pipeline daemon` on the other machine, or see its log"
        yield Check(FINE if is_well else DOUBTFUL, "machines", machine_words(found.machines), fix)
    if found.dead_runs:
        said = f"{count(len(found.dead_runs), 'run')} of killed processes: {', '.join(found.dead_runs)}"
        yield Check(DOUBTFUL, "runs", said, "`mist-pipeline daemon`, and any other run, ends them")
    for one in found.troubles:
        yield Check(DOUBTFUL, f"pipeline:{one.subject}", clean(one.summary), "see docs/operations.md")
    if not found.troubles:
        yield Check(FINE, "pipeline", "no trouble of its own")


def heartbeat(settings: Settings) -> Check:
    """Whether somebody outside would notice that all of it is dead."""
    monitoring = settings.monitoring
    if monitoring.heartbeat_url is None:
        return Check(
            DOUBTFUL,
            "heartbeat",
            "none: nobody notices when this machine is dead",
            "set MIST_PIPELINE__MONITORING__HEARTBEAT_URL (docs/operations.md)",
        )
    failing = "another address is asked" if monitoring.heartbeat_fail_url else "it stops"
    return Check(
        FINE, "heartbeat", f"every {monitoring.heartbeat_minutes} minutes; when something fails, {failing}"
    )
