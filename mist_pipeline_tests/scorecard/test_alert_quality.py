"""The quality of alerts: every number against one computed by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.scorecard.alert_quality import Told, alert_quality, detected, judged
from mist_pipeline.tables import alerts
from mist_pipeline.tables.schema import Table
from mist_pipeline.tables.scorecard import ALERT_QUALITY, TRUTHS

DAY = date(2026, 3, 30)
END = datetime(2026, 3, 31, tzinfo=UTC)


def ago(hours: float) -> datetime:
    return END - timedelta(hours=hours)


def frame(table: Table, *rows: dict[str, Any]) -> pl.DataFrame:
    schema = table.polars_schema()
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)


def alert(name: str, opened: float, **changes: Any) -> dict[str, Any]:
    """An alert of site s1 that opened so many hours before the end of the day; its trouble began an hour before."""
    return {
        "alert_id": name,
        "incident_id": f"i-{name}",
        "site_id": "s1",
        "family": "radio",
        "kind": "evidence",
        "highest": "major",
        "opened_at": ago(opened),
        "began_at": ago(opened + 1),
        "is_past": False,
        **changes,
    }


def truth(source: str, verdict: str, weight: float = 1.0, **changes: Any) -> dict[str, Any]:
    return {
        "day": DAY,
        "source": source,
        "truth_id": "t",
        "verdict": verdict,
        "weight": weight,
        "said_at": ago(1),
        **changes,
    }


def trouble(began: float, lasted: float = 10.0, **changes: Any) -> dict[str, Any]:
    more = {"site_id": "s1", "family": "radio", "began_at": ago(began), "ended_at": ago(began - lasted)}
    return truth("sustained_critical", "trouble", 0.6, **(more | changes))


MESSAGES = {
    "delivery_id": pl.Int64(),
    "sink": pl.String(),
    "incident_id": pl.String(),
    "sent_at": pl.Datetime("us", "UTC"),
    "recipients": pl.List(pl.String()),
}


def sent(
    name: str, at: float, sink: str = "mail", to: tuple[str, ...] = (), delivery: int | None = None
) -> dict[str, Any]:
    number = delivery or hash((name, at, sink)) % 10**9
    return {
        "delivery_id": number,
        "incident_id": f"i-{name}",
        "sink": sink,
        "sent_at": ago(at),
        "recipients": to,
    }


def acts(*rows: tuple[str, str, float]) -> pl.DataFrame:
    schema = {"subject": pl.String(), "subject_id": pl.String(), "at": pl.Datetime("us", "UTC")}
    return pl.DataFrame([(kind, name, ago(at)) for kind, name, at in rows], schema=schema, orient="row")


def quality(
    *opened: dict[str, Any],
    truths: tuple[dict[str, Any], ...] = (),
    messages: tuple[dict[str, Any], ...] = (),
    acted: pl.DataFrame | None = None,
    sites: int = 10,
    watched: float | None = 24 * 365,
) -> pl.DataFrame:
    told = Told(
        frame(alerts.ALERTS, *opened),
        pl.DataFrame([dict(one) for one in messages], schema=MESSAGES),
        acts() if acted is None else acted,
        frame(TRUTHS, *truths),
        sites,
        None if watched is None else ago(watched),
    )
    return alert_quality(told, DAY, END)


def row(found: pl.DataFrame, window: int = 7, **where: str) -> dict[str, Any]:
    wanted = {"rule": "", "severity": "", "sink": ""} | where
    (one,) = found.filter(
        (pl.col("window_days") == window), *(pl.col(name) == value for name, value in wanted.items())
    ).to_dicts()
    return one


def test_precision_counts_what_was_said_and_leaves_out_what_nobody_judged() -> None:
    said = [
        ("a", "right"),
        ("b", "wrong"),
        ("c", "known"),
        ("d", "planned"),
        ("e", "too_late"),
        ("f", "duplicate"),
    ]
    found = row(
        quality(
            *(alert(name, 20) for name in "abcdefg"),
            truths=tuple(truth("feedback", verdict, alert_id=name) for name, verdict in said),
        )
    )
    assert (found["n_alerts"], found["n_true"], found["n_false"]) == (7, 4, 1)
    assert (found["n_known"], found["n_planned"], found["n_duplicate"], found["n_unjudged"]) == (1, 1, 1, 1)
    assert found["precision"] == pytest.approx(0.8)
    # Wilson, 4 of 5: (.8 + .384 ± 1.96 √(.032 + .0384)) ÷ 1.768.
    assert (found["precision_low"], found["precision_high"]) == pytest.approx((0.3755, 0.9638), abs=1e-4)
    # One wrong and one duplicate, ten sites, one week.
    assert found["false_per_site_week"] == pytest.approx(0.2)


def test_times_are_medians_and_what_goes_on_is_counted_beside_them() -> None:
    found = row(
        quality(
            alert("a", 50, resolved_at=ago(30), last_bad_at=ago(32)),
            alert("b", 40, resolved_at=ago(35), last_bad_at=ago(36)),
            alert("c", 20, began_at=ago(23)),
            messages=(sent("a", 49), sent("b", 40), sent("c", 19), sent("c", 2)),
            acted=acts(("incident", "i-a", 48), ("alert", "b", 37)),
        )
    )
    assert (found["n_told"], found["n_acknowledged"], found["n_waiting"]) == (3, 2, 1)
    # 60 and 180 minutes after the first message.
    assert found["acknowledge_median_minutes"] == pytest.approx(120)
    assert found["acknowledge_p90_minutes"] == pytest.approx(168)
    # From the estimated begin: 21 and 6 hours; outlived by 2 and 1.
    assert (found["resolve_median_hours"], found["n_resolved"], found["n_open"]) == (13.5, 2, 1)
    assert found["outlived_median_hours"] == 1.5
    # Noticed 1, 1 and 3 hours after the estimated begin.
    assert (found["noticed_median_hours"], found["noticed_p90_hours"]) == pytest.approx((1.0, 2.6))
    assert found["messages_per_day"] == pytest.approx(4 / 7)


def test_what_happened_after_the_day_is_not_known_on_it() -> None:
    found = row(
        quality(
            alert("a", 20, resolved_at=ago(-5)),
            alert("later", -1),
            truths=(truth("feedback", "wrong", alert_id="a", said_at=ago(-3)),),
            messages=(sent("a", 19), sent("a", -2)),
            acted=acts(("alert", "a", -4)),
        )
    )
    assert (found["n_alerts"], found["n_open"], found["n_unjudged"], found["n_waiting"]) == (1, 1, 1, 1)
    assert found["messages_per_day"] == pytest.approx(1 / 7)


def test_ignored_is_what_was_told_and_is_over_and_nobody_touched() -> None:
    over = {"resolved_at": ago(2)}
    found = row(
        quality(
            *(alert(name, 20, **over) for name in "abcd"),
            alert("open", 20),
            alert("untold", 20, **over),
            truths=(
                truth("feedback", "wrong", alert_id="a"),
                truth("maintenance", "planned", 0.8, alert_id="d"),
            ),
            messages=tuple(sent(name, 19) for name in ("a", "b", "c", "d", "open")),
            acted=acts(("incident", "i-b", 10)),
        )
    )
    # Told and over: a … d. a was judged by a person, b was taken; c nobody touched, and of d only the calendar knew.
    assert (found["n_ignored"], found["ignored_share"]) == (2, 0.5)


def test_rules_severities_and_sinks_have_rows_of_their_own() -> None:
    found = quality(
        alert("a", 20, kind="trend"),
        alert("b", 20, highest="critical"),
        truths=(truth("feedback", "wrong", alert_id="a"), truth("feedback", "right", incident_id="i-b")),
        messages=(sent("a", 19), sent("a", 18, "pager"), sent("b", 19)),
    )
    assert [row(found, rule=name)["n_false"] for name in ("trend", "evidence")] == [1, 0]
    assert [row(found, severity=name)["n_true"] for name in ("major", "critical")] == [0, 1]
    assert [row(found, sink=name)["n_alerts"] for name in ("mail", "pager")] == [2, 1]
    assert [row(found, sink=name)["messages_per_day"] for name in ("mail", "pager")] == pytest.approx(
        [2 / 7, 1 / 7]
    )
    assert row(found, rule="trend")["messages_per_day"] is None
    assert row(found, rule="trend")["n_troubles"] is None
    assert found.select(ALERT_QUALITY.key).is_unique().all()


def test_a_window_holds_its_days_and_no_others() -> None:
    found = quality(alert("a", 24 * 7), alert("b", 24 * 7 + 1), alert("c", 24 * 30 + 1))
    assert [row(found, window)["n_alerts"] for window in (7, 30, 90)] == [1, 2, 3]


def test_the_pipeline_s_own_trouble_and_what_was_over_before_are_no_alerts_of_sites() -> None:
    found = quality(
        alert("a", 20, family="pipeline:daily"), alert("b", 20, site_id=""), alert("c", 20, is_past=True)
    )
    assert row(found)["n_alerts"] == 0
    assert row(found)["precision"] is None


@pytest.mark.parametrize(
    ("opened", "verdict"),
    [(100 + 72, "right"), (100 + 73, None), (90 - 6, "right"), (90 - 7, None), (95, "right")],
    ids=["three days before", "too early", "six hours after its end", "too late", "during"],
)
def test_a_known_trouble_makes_an_alert_near_it_right(opened: float, verdict: str | None) -> None:
    found = judged(frame(alerts.ALERTS, alert("a", opened)), frame(TRUTHS, trouble(100)))
    assert found["verdict"].to_list() == ([] if verdict is None else [verdict])


def test_the_heaviest_truth_decides_and_then_the_newest() -> None:
    known = frame(
        TRUTHS,
        trouble(20),
        truth("ticket", "duplicate", 0.9, incident_id="i-a"),
        truth("feedback", "wrong", alert_id="a", said_at=ago(9)),
        truth("feedback", "known", alert_id="a", said_at=ago(8)),
    )
    only = frame(alerts.ALERTS, alert("a", 20))
    assert judged(only, known).select("verdict", "source").rows() == [("known", "feedback")]
    assert judged(only, known.filter(pl.col("source") != "feedback"))["verdict"].to_list() == ["duplicate"]


def test_an_alarm_of_the_cloud_is_about_the_whole_site() -> None:
    alarm = trouble(20) | {"source": "mist_alarm", "family": "", "weight": 0.3}
    of_site, elsewhere = alert("a", 20, family="connect"), alert("b", 20, site_id="s2")
    found = judged(frame(alerts.ALERTS, of_site, elsewhere), frame(TRUTHS, alarm))
    assert found["alert_id"].to_list() == ["a"]


def test_each_trouble_has_one_alert_and_each_alert_one_trouble() -> None:
    found = detected(
        frame(alerts.ALERTS, alert("first", 58), alert("second", 57)),
        frame(TRUTHS, trouble(60, 2), trouble(50, 2), trouble(40, 2), trouble(20, 2, site_id="s2")),
    )
    assert found.sort("began_at")["alert_id"].to_list() == ["first", "second", None, None]


def test_a_trouble_that_goes_on_is_not_missed_twice() -> None:
    found = detected(frame(alerts.ALERTS), frame(TRUTHS, trouble(60, 20), trouble(45, 5), trouble(30, 5)))
    assert found["began_at"].to_list() == [ago(60), ago(30)]


def test_detection_is_late_early_or_missed() -> None:
    found = row(
        quality(
            alert("late", 98),
            alert("later", 40, site_id="s2"),
            alert("early", 60, site_id="s3"),
            truths=(
                trouble(100),
                trouble(48, site_id="s2"),
                trouble(30, site_id="s3"),
                trouble(30, site_id="s4"),
            ),
        )
    )
    assert (found["n_troubles"], found["n_missed"], found["n_early"]) == (4, 1, 1)
    # 2 hours, 8 hours, and 0 for the one that came 30 hours before.
    assert found["detect_median_hours"] == pytest.approx(2)
    assert found["detect_p90_hours"] == pytest.approx(6.8)
    assert found["lead_median_hours"] == pytest.approx(30)
    assert (found["missed_low"], found["missed_high"]) == pytest.approx((0.0456, 0.6994), abs=1e-4)


@pytest.mark.parametrize(("watched", "troubles"), [(101, 2), (99, 1), (None, 0)])
def test_nobody_missed_what_began_before_anybody_watched(watched: float | None, troubles: int) -> None:
    found = row(quality(truths=(trouble(100), trouble(30, site_id="s2")), watched=watched))
    assert (found["n_troubles"], found["n_missed"]) == (troubles, troubles)


def test_without_alerts_there_is_a_row_that_says_so() -> None:
    found = quality()
    assert found["n_alerts"].to_list() == [0, 0, 0]
    assert row(found)["n_missed"] == 0


def test_known_trouble_makes_an_alert_true_and_no_precision() -> None:
    found = row(
        quality(
            alert("a", 30),
            alert("b", 90, site_id="s2"),
            alert("c", 90, site_id="s3"),
            truths=(
                trouble(31),
                truth("ticket", "right", 0.9, incident_id="i-b"),
                truth("feedback", "wrong", alert_id="c"),
            ),
        )
    )
    assert (found["n_true"], found["n_false"], found["n_judged"]) == (2, 1, 2)
    assert found["precision"] == pytest.approx(0.5)


def test_a_digest_tells_of_each_of_its_incidents_and_is_one_message() -> None:
    found = row(
        quality(
            alert("a", 30),
            alert("b", 28),
            messages=(sent("a", 20, delivery=1), sent("b", 20, delivery=1)),
            acted=acts(("alert", "a", 19)),
        )
    )
    assert (found["n_told"], found["messages_per_day"]) == (2, pytest.approx(1 / 7))
    assert found["acknowledge_median_minutes"] == pytest.approx(60)


def test_messages_a_person_count_a_mail_once_for_each_address_and_a_channel_as_one() -> None:
    mails = (
        sent("a", 20, "mail", ("ada@x", "bob@x")),
        sent("a", 10, "mail", ("ada@x", "bob@x")),
        sent("a", 5, "mail", ("ada@x",)),
    )
    found = quality(alert("a", 21), messages=(*mails, sent("a", 20, "chat"), sent("a", 4, "chat")))
    # Ada got three, Bob two; the channel two.
    assert row(found, sink="mail")["messages_per_person_day"] == pytest.approx(2.5 / 7)
    assert row(found, sink="chat")["messages_per_person_day"] == pytest.approx(2 / 7)
    assert row(found)["messages_per_person_day"] == pytest.approx(7 / 3 / 7)
    assert row(quality(alert("a", 21)))["messages_per_person_day"] is None


def test_the_clouds_own_alarms_are_met_one_to_one_and_may_come_before_or_after_ours() -> None:
    def alarm(name: str, raised: float, site: str, source: str = "mist_alarm") -> dict[str, Any]:
        more = {"truth_id": name, "site_id": site, "family": "", "began_at": ago(raised)}
        return truth(source, "trouble", 0.3, ended_at=ago(raised - 1), said_at=ago(raised), **more)

    found = row(
        quality(
            alert("before", 44, site_id="s1"),
            alert("after", 30, site_id="s2"),
            alert("alone", 30, site_id="s9"),
            truths=(
                alarm("1", 40, "s1"),
                alarm("2", 32, "s2", "marvis"),
                alarm("unheard", 32, "s3"),
                trouble(40, site_id="s4"),
            ),
        )
    )
    assert (found["n_cloud"], found["n_cloud_told"], found["n_cloud_before"]) == (3, 2, 1)
    # Four hours before one, two after the other.
    assert found["cloud_lead_median_hours"] == pytest.approx(1.0)
    assert found["n_without_cloud"] == 1
