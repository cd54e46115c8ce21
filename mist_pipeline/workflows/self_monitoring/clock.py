"""Times that have not come, in the ledger or in kept evaluations: the clock was ahead, or stands back.

Here: the sentence. Not here: what is done about them (``alerts.ledger.times``).
"""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from mist_pipeline.alerts.ledger.times.ahead import Ahead
from mist_pipeline.tables import live
from mist_pipeline.workflows.self_monitoring.trouble import Trouble, findings, iso


def clock_troubles(ahead: Ahead | None, postponed: Sequence[str], now: datetime) -> pl.DataFrame:
    """Times that have not come, as one finding; none where the clock was right.

    Args:
        ahead: What the ledger says of such times.
        postponed: Names of evaluations of such times, in order; they are not evaluated.
        now: The instant of the evaluation.
    """
    if ahead is None and not postponed:
        return live.FINDINGS.empty()
    evaluations = "1 evaluation" if len(postponed) == 1 else f"{len(postponed)} evaluations"
    what = (
        [f"{evaluations} of a time that has not come (the last {postponed[-1]}), not evaluated"]
        if postponed
        else []
    )
    if ahead is not None:
        entries = "1 entry" if ahead.rows == 1 else f"{ahead.rows} entries"
        what.append(f"{entries} of the ledger up to {ahead.newest:%Y-%m-%d %H:%M} UTC, set back to now")
    summary = (
        f"The clock of this machine was ahead, or stands back now: {'; '.join(what)}. Check the time (NTP)."
    )
    evidence = {"looks": list(postponed), "newest": iso(None if ahead is None else ahead.newest)}
    return findings([Trouble("clock", "major", summary, evidence)], now)
