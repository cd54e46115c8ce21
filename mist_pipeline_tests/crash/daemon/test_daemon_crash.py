"""A daemon that is killed with all that it started goes on where it was; and the judge would notice if not.

``make crash-test`` kills 50 times in a day, at other moments too.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from mist_pipeline_tests.crash.daemon.harness import live
from mist_pipeline_tests.crash.daemon.verdict import GONE, Kill, Records, broken, table


@pytest.mark.slow
def test_a_daemon_killed_while_it_polls_loses_nothing(tmp_path: Path) -> None:
    records = live(tmp_path, ["while a run begins"], Random(1))
    assert broken(records) == [], table(records)
    assert records.lives[0].hit, "no run was killed"
    assert records.recorded


GOOD = Records(
    lives=(Kill(100.0, 5.0, ("live",), ()), Kill(200.0, None, (), ())),
    runs=(
        ("live", "FAILURE", f"The process of this run {GONE}", 110.0),
        ("live", "SUCCESS", "", 320.0),
        ("evaluate", "SUCCESS", "", 330.0),
    ),
    polls=2,
    kept=("one",),
    recorded=("one",),
    events=(("alert", "a", "opened"),),
    again=(("alert", "a", "opened"),),
    rows=Counter(sent=2, dead=1),
    unsent=0,
    unwritten=0,
    taken_slots=(),
    doubled=(),
    incidents=1,
    left_at_last=(),
    last_ready=5.0,
    end_seconds=2.0,
    seconds=400.0,
)


def test_a_day_on_which_every_promise_was_kept_is_good() -> None:
    assert broken(GOOD) == []
    assert "| `live` | 2 | 1 | 1 | 0 |" in table(GOOD)


def test_a_machine_on_which_the_start_takes_minutes_may_take_as_long_for_the_first_run() -> None:
    life = Kill(100.0, 300.0, (), ())
    runs = (("live", "SUCCESS", "", 100.0 + 700.0),)
    assert broken(replace(GOOD, lives=(life,), runs=runs)) == []
    assert broken(replace(GOOD, lives=(replace(life, ready=100.0),), runs=runs)) != []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lives": (Kill(100.0, 5.0, (), ("live",)),)}, "under way when the next one was ready"),
        ({"left_at_last": ("evaluate",)}, "under way when the next one was ready"),
        ({"runs": (("live", "QUEUED", "", None),)}, "is QUEUED though nothing is left to do"),
        ({"runs": (("daily", "FAILURE", "disk full", 110.0),)}, "disk full"),
        ({"runs": (("live", "SUCCESS", "", 300.0 + 1e4),), "lives": GOOD.lives[:1]}, "nothing began for"),
        ({"kept": ("one", "two")}, "1 polls were kept and never evaluated"),
        ({"recorded": ("one", "one")}, "recorded twice"),
        ({"events": ()}, "events differ"),
        ({"incidents": 0}, "nothing happened"),
        ({"unsent": 1}, "neither sent nor withdrawn"),
        ({"unwritten": 1}, "did not arrive"),
        ({"taken_slots": ("look",)}, "pools are taken"),
        ({"doubled": ("live.status",)}, "rows twice"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_judge_notices(change: dict[str, object], sentence: str) -> None:
    [fault] = broken(replace(GOOD, **change))  # type: ignore[arg-type]
    assert sentence in fault
