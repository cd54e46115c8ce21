"""A year after an incident, what people did about it is still there, and how it was watched is a number."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import reading, writing
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.tables import EVENTS, INCIDENTS
from mist_pipeline.alerts.ledger.times.folding import Folded, fold, would_fold
from mist_pipeline.alerts.lifecycle.model import FOLDED, WATCHED
from mist_pipeline.overview.timeline import timeline
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.alerts.ledgers import TELL

LATER = START + timedelta(days=400)
YEAR = timedelta(days=365)


class Named:
    """Sites are called by their ids."""

    def label(self, site_id: str, family: str = "") -> str:
        return site_id or family


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One incident that was acknowledged and closed, one that goes on."""
    with Ledger(tmp_path / "ledger.db") as opened:
        for hour in range(4):
            opened.record_evaluation(live(hour, finding(), finding("s2", "connect")), TELL)
        over, going = sorted(opened.lifecycle_state(START).incidents.values(), key=lambda one: one.family)[
            ::-1
        ]
        assert (over.family, going.family) == ("radio", "connect")
        opened.acknowledge(over.incident_id, "ada", START + 4 * HOUR)
        opened.resolve(over.incident_id, "ada", START + 5 * HOUR)
        yield opened


def incident_of(ledger: Ledger, family: str) -> str:
    return next(
        incident.incident_id
        for incident, _ in ledger.incidents(("open", "acknowledged", "resolved"))
        if incident.family == family
    )


def kinds(ledger: Ledger, family: str) -> list[str]:
    _, _, events = ledger.incident(incident_of(ledger, family))
    return [event.kind for event in events]


def test_what_was_done_stays_and_what_was_watched_is_counted(ledger: Ledger) -> None:
    before = ledger.incident(incident_of(ledger, "radio"))
    watched = [kind for kind in kinds(ledger, "radio") if kind in WATCHED]
    others = [kind for kind in kinds(ledger, "radio") if kind not in WATCHED]
    assert {"pending", "seen"} & set(watched)
    assert {"opened", "acknowledged", "resolved"} <= set(others)
    going_on = kinds(ledger, "connect")
    planned = would_fold(ledger.engine, LATER - YEAR)
    assert planned == Folded(subjects=1, events=len(watched))
    assert fold(ledger.engine, LATER - YEAR, LATER) == planned
    assert kinds(ledger, "radio") == [*others, FOLDED]
    # The incident and its alerts are as they were, and so is what is not over.
    incident, alerts, events = ledger.incident(incident_of(ledger, "radio"))
    assert (incident, alerts) == before[:2]
    assert kinds(ledger, "connect") == going_on
    assert timeline(events, alerts, Named())[-1][1].endswith(
        f"{len(watched)} event{'s' if len(watched) > 1 else ''} of how it was watched folded, since it is long over"
    )
    assert len({(event.subject, event.subject_id, event.number) for event in events}) == len(events)


def test_nothing_is_folded_twice_or_before_its_time(ledger: Ledger) -> None:
    assert fold(ledger.engine, START + 5 * HOUR, LATER) == Folded(0, 0)
    assert fold(ledger.engine, LATER, LATER).events > 0
    assert fold(ledger.engine, LATER, LATER) == Folded(0, 0)


def test_what_was_merged_into_what_was_merged_ends_with_the_last(ledger: Ledger) -> None:
    over = incident_of(ledger, "radio")
    with writing(ledger.engine) as connection:
        for number, (name, into) in enumerate(
            [("a", "b"), ("b", over), ("c", incident_of(ledger, "connect"))]
        ):
            row = (
                connection.execute(sa.select(INCIDENTS).where(INCIDENTS.c.incident_id == over))
                .mappings()
                .one()
            )
            merged = {
                "incident_id": name,
                "state": "merged",
                "merged_into": into,
                "fingerprint": f"f{number}",
            }
            connection.execute(sa.insert(INCIDENTS).values({**row, **merged}))
            event = {
                "subject": "incident",
                "subject_id": name,
                "number": 1,
                "at": START,
                "kind": "withheld",
                "detail": {},
            }
            connection.execute(sa.insert(EVENTS).values(event))
    fold(ledger.engine, LATER - YEAR, LATER)
    with reading(ledger.engine) as connection:
        query = sa.select(EVENTS.c.subject_id, EVENTS.c.kind).where(EVENTS.c.subject_id.in_(["a", "b", "c"]))
        found = {row.subject_id: row.kind for row in connection.execute(query)}
    assert found == {"a": FOLDED, "b": FOLDED, "c": "withheld"}


def test_a_kill_while_folding_folds_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ledger.events()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mist_pipeline.alerts.ledger.times.folding._fold_of", killed)
    with pytest.raises(KeyboardInterrupt):
        fold(ledger.engine, LATER, LATER)
    assert ledger.events() == before


def test_copies_for_analysts_still_tell_who_acknowledged(ledger: Ledger) -> None:
    fold(ledger.engine, LATER, LATER)
    frames = ledger.frames()
    assert "acknowledged" in frames["events"]["kind"].to_list()
    assert frames["deliveries"].height > 0
