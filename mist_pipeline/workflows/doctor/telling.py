"""The way to people: sinks, what they accepted last, recipients, matchers. Nothing is sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.ledger.sink_health import LastResult
from mist_pipeline.alerts.notify.config import matchers_of
from mist_pipeline.alerts.notify.known_values import Known, mismatch, shared_names
from mist_pipeline.delivery.sink import Examinable
from mist_pipeline.domain.text import clean, instant
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check
from mist_pipeline.workflows.ledger_access import failing_sinks, known_labels, open_ledger, unreached
from mist_pipeline.workflows.self_monitoring.delivery import sink_sentence


def delivery(settings: Settings) -> Iterator[Check]:
    """Whether every sink accepts what it is sent; what waits untried counts, since somebody is asking now."""
    sinks = settings.notifications.sinks
    if not sinks or (isinstance(settings.ledger, Path) and not settings.ledger.exists()):
        return
    try:
        with open_ledger(settings) as ledger:
            failing = failing_sinks(settings, ledger, datetime.now(UTC), untried=True)
            missed = unreached(settings, ledger)
    except LedgerUnavailableError:
        return  # the check of the ledger says it
    is_everyone = len(failing) == len(sinks)
    for one in failing:
        fix = (
            "`mist-pipeline alerts retry` sends it again"
            if not one.waiting
            else "it is tried again by itself"
        )
        if is_everyone:
            fix = f"no sink accepts anything, so nobody is told of this; {fix}"
        if one.waiting and not one.error:
            fix = "is `mist-pipeline daemon` running? It sends what waits"
        sentence = sink_sentence(one, settings.organisation.zone)
        yield Check(WRONG if is_everyone else DOUBTFUL, f"sink {one.sink}", sentence, fix)
    for each in missed:
        found = f"{each.recipient} has not got the message of {instant(each.since)}: {each.said}"
        fix = (
            "mend the address, or take it out of the configuration" if each.is_final else "it is tried again"
        )
        yield Check(DOUBTFUL, f"sink {each.sink}", found, fix)
    if not failing and not missed:
        yield Check(FINE, "sinks", f"{', '.join(sinks)}: no message waits for long")


def last_results(settings: Settings) -> Iterator[Check]:
    """What every configured sink did with its newest message; one that fails is told by `delivery`."""
    configured = settings.notifications.sinks
    has_ledger = not isinstance(settings.ledger, Path) or settings.ledger.exists()
    try:
        results = _results(settings) if configured and has_ledger else {}
    except LedgerUnavailableError:
        # It is told of its own.
        return
    for name, config in configured.items():
        last = results.get(name)
        if last is None:
            fix = "`mist-pipeline alerts test-route --send` tries it"
            yield Check(FINE, f"sink {name}", f"{config.type_name()}: nothing was sent yet", fix)
        elif last.is_accepted:
            yield Check(FINE, f"sink {name}", f"{config.type_name()}: accepted a message {instant(last.at)}")


def _results(settings: Settings) -> dict[str, LastResult]:
    with open_ledger(settings) as ledger:
        return ledger.last_results()


def sinks(settings: Settings) -> Iterator[Check]:
    """What the receivers of messages say beforehand, and what they cannot do."""
    for name, sink in settings.sinks().items():
        for concern in sink.examine() if isinstance(sink, Examinable) else ():
            verdict = WRONG if concern.is_hindrance else DOUBTFUL if concern.fix else FINE
            yield Check(verdict, f"sink {name}", concern.found, concern.fix)


def matchers(settings: Settings) -> Iterator[Check]:
    """Matchers of routes and planned silences that match nothing that is known now: a site may come later, or be misspelt."""
    notified = settings.notifications
    given = [
        *((f"route {route.name}", route.matchers) for route in notified.routes),
        *((f"maintenance {planned.name}", matchers_of(planned.match)) for planned in notified.maintenance),
    ]
    if not any(of for _, of in given):
        return
    try:
        known = _known(settings)
    except LedgerUnavailableError:
        # It is told of its own.
        known = known_labels(settings, None)
    if not known.labels_by_site and not known.alerts:
        yield Check(FINE, "matchers", "not checked: no site was seen yet")
        return
    found = []
    for name, of in given:
        if wrong := mismatch(of, known):
            found.append(
                Check(DOUBTFUL, clean(name, 60), clean(wrong), "correct it, unless the site is still to come")
            )
        for matcher, ids in shared_names(of, known):
            every = ", ".join(clean(site_id, 64) for site_id in ids[:5])
            fix = "that is fine if all are meant; otherwise write site_id=…"
            found.append(
                Check(DOUBTFUL, clean(name, 60), f"{matcher} is about {len(ids)} sites: {every}", fix)
            )
    yield from found or [Check(FINE, "matchers", "each matches something that is known")]


def _known(settings: Settings) -> Known:
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        return known_labels(settings, None)
    with open_ledger(settings) as ledger:
        return known_labels(settings, ledger)
