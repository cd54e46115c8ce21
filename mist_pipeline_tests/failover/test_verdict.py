"""The judge of the rehearsal would notice if a promise were broken."""

from collections import Counter
from dataclasses import replace

import pytest

from mist_pipeline_tests.failover.verdict import FIRST_MESSAGE, Disturbance, Records, broken, table

KILL = Disturbance(
    kind="kill", at=100.0, hit="noc-a", address="10.0.0.2", terms=1, taken=40.0, first_run=70.0, first_message=45.0, left=0
)  # fmt: skip
GOOD = Records(
    disturbances=(KILL, replace(KILL, kind="database", terms=0, taken=None, first_run=None)),
    news=(80.0, None),
    runs=(
        ("live", "FAILURE", "The process of this run is gone: another machine took over from it."),
        ("live", "SUCCESS", ""),
    ),
    kept=("one",),
    recorded=("one",),
    events=(("alert", "a", "opened"),),
    again=(("alert", "a", "opened"),),
    rows=Counter(sent=2),
    unsent=0,
    missing=0,
    twice=Counter(),
    doubled=(),
    taken_slots=(),
    messages=2,
)


def test_a_storm_in_which_every_promise_was_kept_is_good() -> None:
    assert broken(GOOD) == []
    assert "| killed (`kill -9` of everything) | 40 | 70 | 45 | 80 | 0 |" in table(GOOD)
    assert "| 2; 1; 0 |" in table(GOOD)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"disturbances": (replace(KILL, terms=2),)}, "the lease changed hands 2 times"),
        ({"disturbances": (replace(KILL, left=3),)}, "3 processes of noc-a went on"),
        (
            {"disturbances": (replace(KILL, first_message=FIRST_MESSAGE + 1),)},
            "nobody was told for 121.0 s",
        ),
        ({"disturbances": (replace(KILL, first_message=None),)}, "nobody was told for None s"),
        ({"kept": ("one", "two")}, "1 polls were kept and never evaluated"),
        ({"recorded": ("one", "one")}, "recorded twice"),
        ({"again": ()}, "events differ"),
        ({"events": (), "again": ()}, "nothing happened"),
        ({"unsent": 1}, "neither sent nor withdrawn"),
        ({"missing": 1}, "did not arrive"),
        ({"twice": Counter(first=5)}, "5 messages of first came twice, 4 may"),
        ({"doubled": ("live.status",)}, "rows twice"),
        ({"taken_slots": ("look",)}, "pools are taken"),
        ({"runs": (("live", "QUEUED", ""),)}, "is QUEUED though nothing is left to do"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_the_judge_notices(change: dict[str, object], sentence: str) -> None:
    [fault] = broken(replace(GOOD, **change))  # type: ignore[arg-type]
    assert sentence in fault
