"""What people have confirmed: the last word counts."""

import pytest

from mist_pipeline.alerts.ledger.confirmed import SCHEMA
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline_tests.support.alerts.histories import HOUR, START, live
from mist_pipeline_tests.support.alerts.ledgers import EVIDENCE, TELL, incident_id


def test_nobody_has_confirmed_what_nobody_took(ledger: Ledger) -> None:
    assert ledger.confirmed_alerts().is_empty()
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    found = ledger.confirmed_alerts()
    assert found.is_empty()
    assert found.schema == SCHEMA


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ([(1, "acknowledge")], 1),
        ([(1, "right")], 1),
        ([(2, "too_late"), (3, "right")], 2),
        ([(1, "acknowledge"), (2, "wrong")], None),
        ([(1, "acknowledge"), (2, "unacknowledge")], None),
        ([(1, "wrong"), (2, "right")], 2),
        ([(1, "duplicate")], None),
        ([(1, "planned")], 1),
        ([(1, "acknowledge"), (2, "known")], None),
    ],
)
def test_the_last_word_of_people_confirms_an_alert(
    ledger: Ledger, said: list[tuple[int, str]], since: int | None
) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    name = incident_id(ledger)
    for hour, word in said:
        at = START + hour * HOUR
        if word in ("acknowledge", "unacknowledge"):
            getattr(ledger, word)(name, "ada", at)
        else:
            ledger.add_feedback(word, "ada", at, incident_id=name)  # type: ignore[arg-type]
    rows = ledger.confirmed_alerts().rows(named=True)
    assert [row["confirmed_at"] for row in rows] == ([] if since is None else [START + since * HOUR])
    assert all((row["site_id"], row["family"], row["ended_at"]) == ("s1", "radio", None) for row in rows)
    assert all(row["began_at"] <= START for row in rows)
