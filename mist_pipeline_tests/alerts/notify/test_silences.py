"""Matchers and silences: which alerts are not told for now."""

from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.ledger.mapping import silence_of, silence_row
from mist_pipeline.alerts.notify.matchers import Matcher, all_match, parse_matchers
from mist_pipeline.alerts.notify.silences import Silence, alert_labels, silenced_by, site_labels
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live, only_alert, run

LABELS = {"site_id": ("s1",), "site_group": ("North", "Stores"), "severity": ("major",)}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('site_id="s1"', True),
        ("site_id=s1", True),
        ('site_id="s"', False),
        ('site_id!="s1"', False),
        ('site_id!="s2"', True),
        ('site_group="North"', True),
        ('site_group!="North"', False),
        ('site_group=~"No.*"', True),
        ('site_group=~"No"', False),
        ('site_group!~"South|West"', True),
        ('site_group!~"Sto.*"', False),
        ('severity=~"major|critical",site_id="s1"', True),
        ('{severity="critical", site_id="s1"}', False),
        ('country=""', True),
        ('country!=""', False),
        ('country=~".*"', True),
        ('country=~".+"', False),
    ],
)
def test_matchers_match_as_alertmanager_s_do(text: str, matches: bool) -> None:
    assert all_match(parse_matchers(text), LABELS) is matches


@pytest.mark.parametrize(
    "text", ["", "{}", "site", "=x", 'site="a" severity="b"', 'a="b', 'a=~"("', "1a=b", 'a=="b"', 'a="b"x']
)
def test_text_that_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="matcher"):
        parse_matchers(text)


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="none of"):
        Matcher("a", ">", "b")  # type: ignore[arg-type]


@given(st.lists(st.builds(Matcher, st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.sampled_from(["=", "!="]), st.text()), min_size=1, max_size=3))  # fmt: skip
def test_what_a_matcher_writes_it_reads(matchers: list[Matcher]) -> None:
    assert parse_matchers(",".join(map(str, matchers))) == tuple(matchers)


def silence(**more: object) -> Silence:
    given_ = {
        "silence_id": "quiet",
        "matchers": parse_matchers("site_id=s1"),
        "starts_at": START,
        "ends_at": START + 2 * HOUR,
        **more,
    }
    return Silence(**given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hours", "is_active"), [(-0.1, False), (0, True), (1.9, True), (2, False), (900, False)]
)
def test_a_silence_silences_inside_its_window_and_not_the_other_way_round(
    hours: float, is_active: bool
) -> None:
    now = START + hours * HOUR
    assert silence().is_active(now) is is_active
    assert silence().silences(LABELS, now) is is_active
    assert silenced_by(LABELS, [silence()], now) == ("quiet" if is_active else None)
    assert silenced_by({**LABELS, "site_id": ("s2",)}, [silence()], now) is None


def test_a_maintenance_window_recurs_in_its_zone_between_start_and_end() -> None:
    window = Window(begins=time(19, 40), zone="Europe/Berlin", lasts_hours=11, weekdays=("sunday",))
    works = silence(ends_at=None, window=window)
    berlin = ZoneInfo("Europe/Berlin")
    assert works.is_active(datetime(2026, 3, 29, 23, tzinfo=berlin))
    assert works.is_active(datetime(2026, 10, 26, 6, 39, tzinfo=berlin))
    assert not works.is_active(datetime(2026, 10, 26, 6, 40, tzinfo=berlin))
    assert not works.is_active(datetime(2026, 2, 22, 23, tzinfo=berlin))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"matchers": ()}, "everything"),
        ({"ends_at": None}, "never end"),
        ({"ends_at": START}, "not after its start"),
    ],
)
def test_a_silence_without_bounds_is_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        silence(**more)


@pytest.mark.parametrize(
    "window",
    [
        None,
        Window(begins=time(22), zone="Asia/Tokyo", until=time(6)),
        Window(begins=time(1), zone="UTC", lasts_hours=1.5, weekdays=("mo", "fri"), first_day=START.date(), last_day=START.date()),
    ],
)  # fmt: skip
def test_a_silence_comes_back_from_the_ledger_as_it_went(window: Window | None) -> None:
    kept = silence(window=window, created_by="ada", comment='works, "big" ones')
    assert silence_of(silence_row(kept)) == kept


def test_labels_of_a_site_are_what_it_shares_by_id_and_by_name() -> None:
    sites = pl.DataFrame(
        {
            "site_id": ["s1", "s2"],
            "name": ["Main <b>", None],
            "country_code": ["DE", None],
            "sitegroup_ids": [["g1"], None],
            "attributes": ['{"models": {"AP45": 3}, "firmware": {"0.14": 3}, "templates": ["t1"]}', None],
        },
        schema_overrides={"sitegroup_ids": pl.List(pl.String)},
    )
    labels = site_labels(sites, {"g1": "North"})
    assert labels["s1"] == {
        "site": ("Main <b>",),
        "country": ("DE",),
        "site_group": ("g1", "North"),
        "model": ("AP45",),
        "firmware": ("0.14",),
        "template": ("t1",),
    }
    assert labels["s2"]["site_group"] == ()
    state, _ = run([live(0, finding())])
    its = alert_labels(only_alert(state), labels)
    assert (its["site_group"], its["severity"], its["kind"]) == (("g1", "North"), ("major",), ("evidence",))


def test_trouble_of_the_pipeline_is_matched_without_the_days_that_it_is_about() -> None:
    """Who routed ``family=pipeline:daily`` before it was told by day gets it still."""
    state, _ = run([live(0, finding())])
    its = only_alert(state)

    def family(name: str) -> tuple[str, ...]:
        return alert_labels(replace(its, family=name), {})["family"]

    assert family("pipeline:daily@2026-03-02") == ("pipeline:daily",)
    assert family("pipeline:collect@2026-03-01..2026-03-09") == ("pipeline:collect",)
    assert family("pipeline:delivery:noc@example") == ("pipeline:delivery:noc@example",)
    assert family("radio@2026-03-02") == ("radio@2026-03-02",)


def test_an_expression_that_takes_pythons_for_ever_takes_no_time_here() -> None:
    labels = {"site": ("a" * 5_000,)}
    for expression in ("(a+)+b", "(a|a)*b", "a*a*a*a*a*b", "(.*.*)*b"):
        assert not all_match(parse_matchers(f'site=~"{expression}"'), labels)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("Cologne(?=3)", r"position 8 \('\(\?='\); looking ahead"),
        ("x(?<!y)", "position 2 .*looking ahead or behind"),
        (r"(a)\\1", r"position 4 .*references back"),
        ("a{2000}", r"invalid repetition size at position 2"),
        ("a**", "bad repetition operator at position 2"),
    ],
)
def test_an_expression_that_is_not_linear_is_refused_with_its_place(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_matchers(f'site=~"{expression}"')


def test_names_of_any_characters_are_matched() -> None:
    names = ("Köln \ud800", "北京", "a\nb", "x" * 100_000)
    assert all_match(parse_matchers('site=~"(?s).+",site=~"K.ln.*",site=~"北.",site!~"c"'), {"site": names})


def test_the_ids_of_three_thousand_sites_are_one_expression() -> None:
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(3_000)]
    wanted = Matcher("site_id", "=~", "|".join(ids))
    assert wanted.matches({"site_id": (ids[-1],)})
    assert not wanted.matches({"site_id": ("x",)})
