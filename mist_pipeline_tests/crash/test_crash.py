"""Killed four times in two stormy days, everybody is told all the same; and the judge would notice if not.

``make crash-test`` kills 200 times in a week.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mist_pipeline.alerts.lifecycle.model import Event
from mist_pipeline.alerts.lifecycle.projection import fold_incidents
from mist_pipeline_tests.crash.board import HANDS
from mist_pipeline_tests.crash.harness import both, label_of
from mist_pipeline_tests.crash.verdict import Kill, Page, Post, Records, Row, Ticket, broken, table
from mist_pipeline_tests.crash.week import MINUTE, Week
from mist_pipeline_tests.support.alerts.histories import HOUR, START

KILLS = 4


@pytest.mark.slow
def test_whoever_is_killed_at_any_moment_has_notified_everybody_in_the_end(tmp_path: Path) -> None:
    calm, shaken = both(tmp_path, Week(days=2), seed=1, kills=KILLS)
    assert broken(calm, shaken) == [], table(shaken, calm)
    assert len(shaken.kills) == KILLS
    assert len(shaken.incidents) > 10, "too little happened"


def event(number: int, hours: float, kind: str, **detail: str) -> Event:
    return Event("incident", "i1", number, START + hours * HOUR, kind, detail)


NAMES = {
    "fingerprint": "f",
    "scope": "site",
    "family": "radio",
    "cause": "c",
    "attribute": "site",
    "value": "s1",
    "severity": "critical",
}
EVENTS = (
    event(1, 0, "opened", **NAMES),
    event(2, 1, "acknowledged", by="ada", severity="critical"),
    event(3, 2, "resolved"),
)
INCIDENTS = fold_incidents(EVENTS)
LABEL = label_of(INCIDENTS["i1"])
KILL = Kill(0, 5, dict.fromkeys(HANDS, ""))


def row(number: int, sink: str, reason: str, sequence: int, hours: float) -> Row:
    at = START + hours * HOUR
    return Row(number, sink, "i1", reason, sequence, "sent", "", at, 1, at)


def kept() -> Records:
    """An incident that was told as promised, with one kill after which one mail came twice."""
    rows = [
        row(number, sink, reason, sequence, hours)
        for number, (sink, (reason, sequence, hours)) in enumerate(
            (
                (sink, told)
                for told in (("first", 1, 0), ("all_resolved", 2, 2))
                for sink in ("mail", "chat", "hook", "page", "jira")
            ),
            1,
        )
    ]
    posts = [
        Post(one.sink, f"{one.delivery_id}-k", "" if one.sink == "chat" else "i1", one.created_at, 0)
        for one in rows
        if one.sink in ("mail", "chat", "hook")
    ]
    return Records(
        events=EVENTS,
        incidents=INCIDENTS,
        labels={"i1": LABEL},
        rows=tuple(rows),
        posts=(*posts, replace(posts[0], life=1)),
        pages=(Page("service/mist-pipeline:i1:1", "i1", START, 0),),
        open_pages=(),
        tickets=(Ticket("OPS-1", (LABEL,), is_done=True, marks=("m1", "m2")),),
        kills=(KILL,),
    )


def test_a_week_in_which_every_promise_was_kept_is_found_to_be_so() -> None:
    calm = replace(kept(), posts=kept().posts[:-1], kills=())
    assert broken(calm, kept()) == []
    assert "| mail | 2 | 3 | 1 | 0 of 0 | 0 min |" in table(kept(), calm)


def changed(records: Records, number: int, **changes: object) -> Records:
    """One row of the outbox is another."""
    rows = list(records.rows)
    rows[number] = replace(rows[number], **changes)  # type: ignore[arg-type]
    return replace(records, rows=tuple(rows))


DEFECTS: dict[str, Callable[[Records], Records]] = {
    "2 events, undisturbed 3": lambda was: replace(was, events=was.events[:-1]),
    "event 1 is": lambda was: replace(
        was, events=(was.events[0], replace(was.events[1], at=START + 1.5 * HOUR), was.events[2])
    ),
    "lacks the decision ('jira'": lambda was: changed(was, 4, sequence=9),
    "has besides the decision ('jira'": lambda was: changed(was, 9, sequence=9),
    "is sending": lambda was: changed(was, 0, state="sending"),
    "is dead": lambda was: changed(was, 0, state="dead", last_error="given up: 503"),
    "hook: 2 messages about i1 were sent, 1 arrived": lambda was: replace(
        was, posts=tuple(post for post in was.posts if post.key != "3-k")
    ),
    "nobody was told of incident i1": lambda was: replace(was, rows=(), posts=()),
    "nobody was told that incident i1 is over": lambda was: replace(
        was, rows=was.rows[:5], posts=was.posts[:3]
    ),
    "has 2 tickets": lambda was: replace(was, tickets=(*was.tickets, replace(was.tickets[0], key="OPS-2"))),
    "is of no incident": lambda was: replace(
        was, tickets=(*was.tickets, replace(was.tickets[0], key="OPS-2", labels=("other",)))
    ),
    "is over, its ticket OPS-1 is not": lambda was: replace(
        was, tickets=(replace(was.tickets[0], is_done=False),)
    ),
    "says m1 2 times": lambda was: replace(was, tickets=(replace(was.tickets[0], marks=("m1", "m1")),)),
    "was acknowledged at": lambda was: replace(
        was, pages=(*was.pages, Page("service/mist-pipeline:i1:2", "i1", START + HOUR + MINUTE, 0))
    ),
    "is still open": lambda was: replace(was, open_pages=("mist-pipeline:i1:1",)),
    "rang nobody": lambda was: replace(was, pages=()),
    "by a hand from before": lambda was: replace(
        was,
        events=(was.events[0], event(2, 1, "acknowledged", by="Anna Ops", severity="critical"), EVENTS[2]),
    ),
    "2 messages came twice, by 1 kills": lambda was: replace(was, posts=(*was.posts, was.posts[1])),
    "2 messages came twice after one kill": lambda was: replace(
        was, posts=(*was.posts, replace(was.posts[3], life=1))
    ),
    "came twice though child 7 was not killed": lambda was: replace(
        was, posts=(*was.posts, *(replace(was.posts[2], life=life) for life in (7, 8)))
    ),
    "a receiver complained": lambda was: replace(was, complaints=("page: 400",)),
}


@pytest.mark.parametrize("fault", DEFECTS)
def test_a_promise_that_was_not_kept_is_noticed(fault: str) -> None:
    calm = replace(kept(), posts=kept().posts[:-1], kills=())
    assert any(fault in said for said in broken(calm, DEFECTS[fault](kept())))
