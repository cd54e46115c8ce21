"""Trouble on the way to people and from the looks: sinks and recipients that get nothing, evaluations that are damaged."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

import polars as pl

from mist_pipeline.alerts.ledger.reader import Unreached
from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.alerts.lifecycle.observations import PIPELINE
from mist_pipeline.alerts.notify.plan import RECIPIENTS, failing_sink_family
from mist_pipeline.tables import live
from mist_pipeline.workflows.self_monitoring.trouble import Trouble, findings, one_line

RECIPIENT_PATIENCE = timedelta(hours=1)
"""A recipient that a receiver refuses for now is reported after this: greylisting takes minutes."""

MOST_RECIPIENTS = 20
"""Recipients that evidence lists."""


def sink_troubles(failing: Iterable[FailingSink], zone: tzinfo, now: datetime) -> pl.DataFrame:
    """Sinks that do not accept what they are sent: one finding a sink, so that each is told to the others and ends alone.

    Args:
        failing: As `Ledger.failing_sinks` gives them.
        zone: For the time in the sentence.
        now: The instant of the evaluation.
    """
    found = [
        Trouble(
            failing_sink_family(one.sink).removeprefix(f"{PIPELINE}:"),
            "major",
            sink_sentence(one, zone),
            {
                "sink": one.sink,
                "since": one.since.isoformat(),
                "error": one_line(one.error),
                "waiting": one.waiting,
            },
        )
        for one in failing
    ]
    return findings(found, now)


def sink_sentence(failing: FailingSink, zone: tzinfo) -> str:
    """What is wrong with a sink, in one line.

    >>> from datetime import UTC
    >>> one = FailingSink(sink="chat", since=datetime(2026, 3, 1, 14, 5, tzinfo=UTC), error="Slack answered 403", waiting=2)
    >>> sink_sentence(one, UTC)
    'Sink chat has not accepted any message since 2026-03-01 14:05 UTC (2 are waiting): Slack answered 403'
    """
    since = f"{failing.since.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    why = one_line(failing.error) or "none was tried yet"
    are = "1 is" if failing.waiting == 1 else f"{failing.waiting} are"
    if not failing.waiting:
        return f"Sink {failing.sink} refused its newest message, of {since}: {why}"
    if failing.accepts_others:
        return f"Sink {failing.sink} accepts some messages, but not one of {since} ({are} waiting): {why}"
    return f"Sink {failing.sink} has not accepted any message since {since} ({are} waiting): {why}"


def unreached_recipients(unreached: Sequence[Unreached], now: datetime) -> pl.DataFrame:
    """Recipients that do not get what others of their sink get, as one finding; none where all do.

    Args:
        unreached: As `Ledger.unreached` gives them.
        now: The instant of the evaluation.
    """
    lasting = [one for one in unreached if one.is_final or now - one.since >= RECIPIENT_PATIENCE]
    if not lasting:
        return live.FINDINGS.empty()
    told = [
        {"sink": one.sink, "recipient": one.recipient, "answer": one.said, "since": one.since.isoformat()}
        for one in lasting[:MOST_RECIPIENTS]
    ]
    first, others = lasting[0], len(lasting) - 1
    also = f", nor to {others} other {'recipient' if others == 1 else 'recipients'}" if others else ""
    summary = f"Messages of {first.sink} do not arrive at {first.recipient}{also}: {first.said}"
    evidence = {"recipients": told, "unreached": len(lasting)}
    return findings([Trouble(RECIPIENTS.removeprefix(f"{PIPELINE}:"), "major", summary, evidence)], now)


def unreadable_evaluations(names: Sequence[str], now: datetime) -> pl.DataFrame:
    """Kept evaluations that were damaged and set aside, as one finding; none where there are none."""
    if not names:
        return live.FINDINGS.empty()
    summary = f"{len(names)} kept evaluations are damaged and were not evaluated, the newest {names[-1]}."
    return findings([Trouble("evaluations", "warning", summary, {"looks": list(names)})], now)


def store_trouble(problem: str, now: datetime) -> pl.DataFrame:
    """That the store which several machines share does not answer, as one finding: nothing can be kept, and nothing evaluated."""
    summary = f"The shared store does not answer, so nothing new is evaluated: {one_line(problem)}"
    return findings([Trouble("storage", "critical", summary, {"error": one_line(problem)})], now)
