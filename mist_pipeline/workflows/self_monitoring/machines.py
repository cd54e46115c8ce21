"""Whether somebody would take over: of several machines each has to be there. Pure."""

from collections.abc import Iterator
from datetime import timedelta

from mist_pipeline.alerts.machines.lease import Machines
from mist_pipeline.alerts.machines.words import machine_words
from mist_pipeline.workflows.self_monitoring.trouble import Trouble

PATIENCE = timedelta(minutes=5)
"""A machine that is started again, as for an update, is there again by then."""


def machine_troubles(found: Machines | None, expected: int) -> Iterator[Trouble]:
    """One trouble where a machine is missing for some minutes: nobody would take over from the last that is left.

    Args:
        found: Who is there; None where one machine works alone.
        expected: How many there should be.
    """
    if found is None or not found.active or found.since is None:
        return
    here = [one for one in found.every if one.is_here]
    missing = [one for one in found.every if not one.is_here]
    # One that never came is missed from when this one became active.
    since = max((one.seen_at for one in missing), default=found.since)
    if len(here) >= expected or found.at - max(since, found.since) < PATIENCE:
        return
    risk = "Nobody takes over if it dies" if len(here) < 2 else "Fewer can take over than should"
    yield Trouble(
        "standby",
        "major",
        f"{len(here)} of {expected} machines are there: {machine_words(found)}. {risk}.",
        {"active": found.active, "here": [one.name for one in here], "expected": expected},
    )
