"""The life of one incident in a ticket system that fails at any request, sent by an outbox that does not give up."""

from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import strategies as st

from mist_pipeline.delivery.message import IncidentView, Message, Reason
from mist_pipeline.delivery.sink import Accepted, Refused, Sink, Unknown
from mist_pipeline_tests.support.delivery.messages import incident, message, resolved
from mist_pipeline_tests.support.fakes.fake_http import Reply
from mist_pipeline_tests.support.fakes.ticket_server import Fault, TicketServer, VirtualClock

LIFE: list[tuple[IncidentView, Reason]] = [
    (incident(1, severity="major"), "first"),
    (incident(3, severity="critical"), "severity_rise"),
    (resolved(incident(3)), "all_resolved"),
    (incident(2), "reopened"),
    (resolved(incident(2)), "all_resolved"),
]


@dataclass(frozen=True)
class BadLuck:
    """What goes wrong.

    Attributes:
        fates: Number of a request → what happens to it.
        deaths: Accepted messages (by their number) after which the worker dies before it can write that down.
        lag: How long a search shows the past.
    """

    fates: dict[int, Fault]
    deaths: frozenset[int]
    lag: timedelta


def _fate(kind: str) -> Fault:
    reply = {"503": Reply(503), "429": Reply(429), "502": Reply(502)}.get(kind, Reply(behaviour="reset"))
    return Fault("", "", reply, is_done=kind in ("lost answer", "502"))


bad_luck = st.builds(
    BadLuck,
    fates=st.dictionaries(
        st.integers(0, 60),
        st.sampled_from(["503", "429", "502", "lost answer", "never arrived"]).map(_fate),
        max_size=12,
    ),
    deaths=st.frozensets(st.integers(0, len(LIFE) - 1)),
    lag=st.sampled_from([timedelta(0), timedelta(seconds=20), timedelta(minutes=4)]),
)


def live(fake: TicketServer, sink: Sink, luck: BadLuck) -> dict[str, str]:
    """Send the whole life as the outbox does: in order, looking up what is unknown; answers the last reference."""
    fake.fates = {number: replace(fate) for number, fate in luck.fates.items()}
    reference: dict[str, str] = {}
    for number, (about, reason) in enumerate(LIFE):
        sent = message(replace(about, updated_at=fake.clock()), reason, number + 1, reference=reference)
        reference = _deliver(sink, sent, fake.clock, dies_once=number in luck.deaths)
        fake.clock.advance(hours=1)
    return reference


def _deliver(sink: Sink, sent: Message, clock: VirtualClock, *, dies_once: bool) -> dict[str, str]:
    is_unknown = False
    for attempt in range(1, 40):
        try_it = sink.recover if is_unknown else sink.send
        outcome = try_it(replace(sent, attempt=attempt))
        assert not isinstance(outcome, Refused), outcome
        if isinstance(outcome, Accepted) and not dies_once:
            return dict(outcome.reference)
        is_unknown = isinstance(outcome, Accepted | Unknown)
        dies_once = dies_once and not isinstance(outcome, Accepted)
        clock.advance(seconds=min(15 * 2 ** (attempt - 1), 1800))
    raise AssertionError(f"never accepted: {sent.reason}")
