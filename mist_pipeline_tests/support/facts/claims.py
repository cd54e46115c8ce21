"""What a sentence claims, and how each claim is checked against the tables.

One checker a kind of sentence, chosen by its pattern. A sentence that no pattern matches as a whole is an error by
itself: who adds a sentence to a surface adds its checker here.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from mist_pipeline.domain.metrics import classifier_title, in_sentence, title_of
from mist_pipeline.domain.numbers import beyond_chance
from mist_pipeline.domain.severity import SEVERITY_OF_STATUS, STATUS_OF_SEVERITY
from mist_pipeline_tests.support.facts.truth import (
    Truth,
    metric_called,
    nearest,
    number_in,
    percentage,
)


@dataclass(frozen=True)
class Passage:
    """One sentence of a surface with what the surface says around it.

    Attributes:
        surface: Where it is read.
        text: The sentence, as it can be seen.
        site_id: Of the card or row that it stands in, '' for none.
        metric: The same.
        day: Which day the card or row names; None for the day of the report.
    """

    surface: str
    text: str
    site_id: str = ""
    metric: str = ""
    day: date | None = None


Found = re.Match[str]
Checker = Callable[[Found, Passage, Truth], Iterator[str]]

_CLAIMS: list[tuple[re.Pattern[str], Checker]] = []

N = r"[−+±-]?\d[\d,]*(?:\.\d+)?"
"""A number."""
TITLE = r"[A-Z][A-Za-z ]*?"
SEVERITY = r"critical|major|warning|info"
STATUS = r"CRITICAL|UNHEALTHY|DEGRADED|HEALTHY|UNKNOWN"


def claim(pattern: str) -> Callable[[Checker], Checker]:
    """A checker for every sentence that matches the pattern as a whole."""

    def add(checker: Checker) -> Checker:
        _CLAIMS.append((re.compile(pattern), checker))
        return checker

    return add


def falsehoods(passages: Iterable[Passage], truth: Truth) -> list[str]:
    """What is said and is not so, and what is said and cannot be checked."""
    wrong: list[str] = []
    for passage in passages:
        found = next(
            ((match, checker) for pattern, checker in _CLAIMS if (match := pattern.fullmatch(passage.text))),
            None,
        )
        if found is None:
            wrong.append(f"{passage.surface}: no checker for “{passage.text}”")
            continue
        match, checker = found
        wrong += [f"{passage.surface}: “{passage.text}”: {why}" for why in checker(match, passage, truth)]
    return wrong


def _named(found: Found, passage: Passage) -> Iterator[str]:
    """The metric that a sentence names is that of its card; a card of attention speaks of all metrics of its site."""
    if (
        passage.metric
        and not passage.surface.endswith("attention")
        and found["title"] != title_of(passage.metric)
    ):
        yield f"it names {found['title']} in the card of {title_of(passage.metric)}"


def _metric(found: Found, passage: Passage) -> str:
    return metric_called(found["title"])


def _below(score: str, line: str) -> Iterator[str]:
    if not number_in(score) < number_in(line):
        yield f"{score} is not below {line}"


@claim(
    rf"(?P<title>{TITLE}) (?P<score>{N}) %: (?P<severity>{SEVERITY}) \(below (?P<line>{N}) %\)(?:, mostly (?P<by>.+))?\."
)
def _threshold(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = _metric(found, passage)
    yield from _named(found, passage)
    yield from percentage(found["score"], truth.score(passage.site_id, metric), "score")
    yield from nearest(found["line"], truth.threshold(metric, found["severity"]), "line")
    yield from _below(found["score"], found["line"])
    severity = truth.row("sle_daily", passage.site_id, metric).get("severity")
    if severity != found["severity"]:
        yield f"the severity of the day is {severity}"
    if found["by"]:
        first = next(iter(truth.blamed(passage.site_id, metric)), "")
        if found["by"] != classifier_title(first):
            yield f"{classifier_title(first)!r} is blamed most"


@claim(
    rf"(?P<title>{TITLE}) fell (?P<fall>{N}) points, from (?P<before>{N}) % to (?P<score>{N}) %"
    rf"(?:; over the week (?P<velocity>{N}) points a day)?\."
)
def _trend(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = _metric(found, passage)
    trend = truth.row("trends", passage.site_id, metric)
    yield from _named(found, passage)
    yield from percentage(found["score"], trend.get("score_pct"), "score")
    yield from percentage(found["before"], trend.get("previous_pct"), "previous score")
    seen = number_in(found["before"]) - number_in(found["score"])
    if abs(number_in(found["fall"]) - seen) > 1e-6:
        yield f"from {found['before']} to {found['score']} is {seen:.1f}"
    if found["velocity"]:
        yield from nearest(found["velocity"], trend.get("velocity_pct_per_day"), "points a day")
        if number_in(found["velocity"]) >= 0:
            yield "the week does not fall"


def _falls(passage: Passage, metric: str, truth: Truth) -> Iterator[str]:
    """Whether what is said to go down does: by its slope and by the scores that everybody can see."""
    risk = truth.row("risks", passage.site_id, metric, "critical")
    slope = risk.get("slope_pct_per_day")
    if slope is not None and slope >= 0:
        yield f"its slope is {slope:+.2f} points a day"
    if truth.is_rising(passage.site_id, metric):
        last = list(truth.scores(passage.site_id, metric).values())[-3:]
        yield f"the last scores rise: {', '.join(f'{score:.1f}' for score in last)}"


@claim(
    rf"(?P<title>{TITLE}) (?P<score>{N}) % is below its pre-warning line of (?P<line>{N}) % and heading down "
    rf"\((?P<slope>{N}) points a day\)\."
)
def _under_its_line(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = _metric(found, passage)
    yield from _named(found, passage)
    yield from percentage(found["score"], truth.score(passage.site_id, metric), "score")
    yield from nearest(found["line"], truth.threshold(metric, "pre_warning"), "line")
    yield from _below(found["score"], found["line"])
    risk = truth.row("risks", passage.site_id, metric, "critical")
    slope = risk.get(
        "slope_pct_per_day", truth.row("trends", passage.site_id, metric).get("velocity_pct_per_day")
    )
    yield from nearest(found["slope"], slope, "points a day")
    if number_in(found["slope"]) >= 0:
        yield f"{found['slope']} points a day is not down"
    yield from _falls(passage, metric, truth)


@claim(r"Under the pre-warning line and heading down")
def _pre_warning_card(_found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    line = truth.threshold(passage.metric, "pre_warning")
    score = truth.score(passage.site_id, passage.metric)
    if line is None or score is None or score >= line:
        yield f"the score is {score}, the line {line}"
    yield from _falls(passage, passage.metric, truth)


LEVELS = {
    "critical": "critical",
    "unhealthy": "major",
    "degraded": "warning",
    "major": "major",
    "warning": "warning",
}


@claim(
    rf"(?:(?P<title>{TITLE}) is )?[Aa]pproaching (?P<line>critical|unhealthy|degraded|major|warning) in "
    rf"(?P<low>\d+)(?:–(?P<high>\d+))? days? at the current trend \((?P<probability>[<>]? ?\d+) %\)\.?"
)
def _approaching(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = metric_called(found["title"]) if found["title"] else passage.metric
    severity = LEVELS[found["line"]]
    if found["title"]:
        yield from _named(found, passage)
    risk = truth.row("risks", passage.site_id, metric, severity)
    line = truth.threshold(metric, severity)
    scores = truth.scores(passage.site_id, metric)
    newest = next(reversed(scores.values()), None)
    if risk.get("state") != "crossing":
        yield f"its state is {risk.get('state')}"
        return
    if newest is None or line is None or newest < line:
        yield f"the newest score {newest} is under {line} already"
    yield from _falls(passage, metric, truth)
    low, high = number_in(found["low"]), number_in(found["high"] or found["low"])
    if low > risk["days"] + 1 or high < risk["days"] - 1 or not low <= high:
        yield f"the tables have {risk['days_low']:.1f}–{risk['days_high']:.1f} days"
    said = number_in(found["probability"].lstrip("<> ")) / 100
    if abs(said - risk["probability"]) > 0.0101:
        yield f"the tables have a probability of {risk['probability']:.3f}"


@claim(
    rf"(?P<title>{TITLE}) (?P<score>{N}) %, where (?P<usual>{N}) % is usual here: (?P<sigma>{N}) standard deviations below\."
)
def _baseline(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = _metric(found, passage)
    deviation = truth.row("deviations", passage.site_id, metric)
    yield from _named(found, passage)
    yield from percentage(found["score"], truth.score(passage.site_id, metric), "score")
    yield from percentage(found["usual"], truth.usual(passage.site_id, metric), "usual")
    sigma = deviation.get("sigma")
    yield from nearest(found["sigma"], None if sigma is None else -sigma, "standard deviations")
    yield from _below(found["score"], found["usual"])


@claim(rf"usual (?P<usual>{N}) %")
def _usual_line(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    yield from percentage(found["usual"], truth.usual(passage.site_id, passage.metric), "usual")


@claim(
    rf"(?P<title>{TITLE}) (?P<score>{N}) %, usual (?P<usual>{N}) %"
    rf"(?: \((?P<sigma>{N}) standard deviations (?P<side>below|above)\))?"
)
def _deviation(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = metric_called(found["title"])
    yield from percentage(found["score"], truth.score(passage.site_id, metric), "score")
    yield from percentage(found["usual"], truth.usual(passage.site_id, metric), "usual")
    if found["sigma"]:
        sigma = truth.row("deviations", passage.site_id, metric).get("sigma")
        signed = None if sigma is None else -sigma if found["side"] == "below" else sigma
        yield from nearest(found["sigma"], signed, "standard deviations")


@claim(rf"(?P<title>{TITLE}) (?P<score>{N}) % is (?P<status>critical|unhealthy|degraded|healthy)")
def _reason(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = metric_called(found["title"])
    yield from percentage(found["score"], truth.score(passage.site_id, metric), "score")
    severity = truth.row("sle_daily", passage.site_id, metric).get("severity")
    if STATUS_OF_SEVERITY.get(severity or "", "").lower() != found["status"]:
        yield f"the severity is {severity}"


@claim(
    r"Nothing: every site(?: that could be judged)? behaves like itself(?: and its peers)?\."
    r"|Nothing: no site and no score is far from usual\."
)
def _nothing_unusual(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    odd = [row for row in truth.rows("deviations") if row["is_deviating"]]
    if odd:
        worst = min(odd, key=lambda row: row["sigma"] or 0.0)
        yield f"{len(odd)} scores are, {worst['metric']} by {worst['sigma']:.1f} σ"
    if any(row["is_anomaly"] for row in truth.rows("anomalies")):
        yield "the forest calls a site unusual"


@claim(r"trending to critical")
def _trending(_found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    if truth.row("sle_daily", passage.site_id, passage.metric).get("severity") == "critical":
        yield "it is critical already"


@claim(rf"(?P<velocity>{N}) points a day")
def _speed(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    velocity = truth.row("trends", passage.site_id, passage.metric).get("velocity_pct_per_day")
    yield from nearest(found["velocity"], velocity, "points a day")
    if number_in(found["velocity"]) >= 0:
        yield "what gets worse does not improve day by day"


@claim(rf"(?:↑ )?(?:ALERT: )?critical(?:, (?P<velocity>{N}) points a day)?")
def _alert_critical(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    row = truth.row("sle_daily", passage.site_id, passage.metric)
    if row.get("severity") != "critical":
        yield f"the severity is {row.get('severity')}"
    if found["velocity"]:
        velocity = truth.row("trends", passage.site_id, passage.metric).get("velocity_pct_per_day")
        yield from nearest(found["velocity"], velocity, "points a day")
        if number_in(found["velocity"]) >= 0:
            yield "an alert that worsens has points a day that improve"


@claim(rf"mostly (?P<by>.+) \((?P<share>{N}) % of user-minutes\)")
def _blamed(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    first = next(iter(truth.blamed(passage.site_id, passage.metric).values()), {})
    if found["by"] != classifier_title(first.get("classifier", "")):
        yield f"{first.get('classifier')} is blamed most"
    yield from percentage(found["share"], first.get("degraded_pct"), "share")


@claim(rf"most user-minutes lost from (?P<hour>\d\d:\d\d) local time, at (?P<score>{N}) %")
def _worst_hour(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    yield from percentage(found["score"], truth.hour(passage.site_id, passage.metric, found["hour"]), "hour")
    lost = truth.lost_by_hour(passage.site_id, passage.metric)
    if lost.get(found["hour"], -1.0) < max(lost.values(), default=0.0):
        yield f"more is lost from {max(lost, key=lambda hour: lost[hour])}"


@claim(rf"was (?P<status>{STATUS.lower()}) the day before")
def _yesterday(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    if truth.previous_status(passage.site_id).lower() != found["status"]:
        yield f"it was {truth.previous_status(passage.site_id)}"


@claim(rf"Health fell (?P<fall>{N}) points, from (?P<before>{N}) to (?P<score>{N}) of 100\.")
def _health(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    health = truth.row("health_scores", passage.site_id)
    yield from percentage(found["score"], health.get("score"), "health")
    yield from percentage(found["before"], health.get("previous_score"), "health before")
    seen = number_in(found["before"]) - number_in(found["score"])
    if abs(number_in(found["fall"]) - seen) > 1e-6:
        yield f"from {found['before']} to {found['score']} is {seen:.1f}"


@claim(
    rf"Day (?P<number>\d): (?P<title>[\w -]+?) (?:no data|(?P<score>\d+) % (?P<status>{STATUS})(?: (?P<sign>[↑↓→]))?"
    rf"(?: ALERT: (?P<alert>critical|trending to critical))?)"
)
def _day_of_week(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    day = truth.day - timedelta(days=7 - int(found["number"]))
    score = truth.score(passage.site_id, passage.metric, day)
    if found["title"] != in_sentence(title_of(passage.metric)):
        yield f"the metric is called {in_sentence(title_of(passage.metric))}"
    if found["score"] is None:
        if score is not None:
            yield f"the day has {score:.1f}"
        return
    yield from percentage(found["score"], score, "score")
    before = truth.score(passage.site_id, passage.metric, day - timedelta(days=1))
    if found["sign"] == "↑" and score is not None and before is not None and score > before:
        yield f"↑ is worsening, but {before:.1f} became {score:.1f}"
    if (
        found["alert"]
        and SEVERITY_OF_STATUS.get(found["status"]) == "critical"
        and found["alert"] != "critical"
    ):
        yield "what is critical already is not trending to it"


@claim(
    r"Unusual for this site \((?:fewer than 1|about (?P<rarity>\d+)) in 1000 site-days score as high\), because of (?P<because>.+)\."
)
def _anomaly(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    row = truth.row("anomalies", passage.site_id)
    if not row.get("is_anomaly"):
        yield "the forest does not say so"
        return
    rarity = row["rarity_per_1000"]
    yield from nearest(found["rarity"] or "0.5", rarity if found["rarity"] else min(rarity, 0.5), "in 1000")
    shares = {title_of(name): share for name, share in json.loads(row["contributions"]).items()}
    for part in found["because"].split(", "):
        named = re.fullmatch(rf"(?P<title>.+) (?P<share>{N}) %", part)
        if named is not None:
            yield from nearest(
                named["share"], 100 * shares.get(named["title"], -1.0), f"share of {named['title']}"
            )


@claim(
    rf"(?P<title>{TITLE}): (?P<observed>{N}) % of user-minutes degraded(?: \((?P<by>.+)\))? over (?P<hours>\d+) h, "
    rf"where (?P<expected>{N}) % is expected; (?P<chance>far beyond chance|beyond chance|little more than chance)\."
)
def _evidence(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    metric = _metric(found, passage)
    yield from _named(found, passage)
    rows = truth.evidence(passage.site_id, metric, int(found["hours"]))
    if not any(_is_of_evidence(found, row) for row in rows):
        yield f"no evidence of {found['hours']} h has these numbers"


def _is_of_evidence(found: Found, row: dict[str, Any]) -> bool:
    wrong = [
        *percentage(found["observed"], row["observed_pct"], ""),
        *percentage(found["expected"], row["expected_pct"], ""),
    ]
    blamed = classifier_title(row["classifier"]) if row["classifier"] else None
    return not wrong and blamed == found["by"] and beyond_chance(10.0 ** -row["surprise"]) == found["chance"]


@claim(r"Only (?P<answered>\d+) of (?P<expected>\d+) sites answered; the others are unknown, not healthy\.")
def _collector(found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    sites = truth.data.sites.filter(pl.col("day") == truth.day)["site_id"].unique()
    answered = truth.data.sle_daily.filter((pl.col("day") == truth.day) & (pl.col("state") != "missing"))
    yield from nearest(found["expected"], sites.len(), "sites")
    yield from nearest(found["answered"], answered["site_id"].n_unique(), "sites that answered")
