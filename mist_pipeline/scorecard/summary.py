"""The scorecard in sentences: was it right? One line a question, the same for the command line, the morning page and the console.

Here: sums over tables of ``scorecard`` and what they mean in words. Where there are too few cases they are told and nothing is
averaged. Not here: reading the tables (``workflows.scorecard``), what follows from bad grades (`proposals`).

>>> came = pl.DataFrame({
...     "outcome": ["hit"] * 11 + ["prevented"] * 2 + ["false_alarm"], "lead_days": [3] * 11 + [None] * 3,
...     "is_withheld": False, "is_sudden": None, "is_late_issue": [True] * 2 + [False] * 12,
... })
>>> warnings(came).text
'Of 14 warnings 11 came true, 2 were prevented and 1 was false; median lead 3 days; 2 of them were made afterwards, by a backfill.'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from mist_pipeline.domain.text import count
from mist_pipeline.scorecard.proportions import wilson

ACCURACY_DAYS = 28
OUTCOME_DAYS = 90
QUALITY_DAYS = 90
MIN_CASES = 10
"""Fewer cases give no share and no median."""


@dataclass(frozen=True)
class Line:
    """One answer.

    Attributes:
        name: Which question: stays what it is.
        text: In a sentence.
        n: Cases behind it.
        is_enough: Whether they are enough for shares and medians.
        values: The numbers, for programs.
    """

    name: str
    text: str
    n: int = 0
    is_enough: bool = True
    values: Mapping[str, float | int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Grades:
    """Tables of ``scorecard`` up to a day.

    Attributes:
        crossings: ``crossings`` of `OUTCOME_DAYS`.
        probabilities: ``probabilities`` of `OUTCOME_DAYS`.
        accuracy: ``forecast_accuracy`` of `ACCURACY_DAYS`.
        quality: ``alert_quality`` of the day.
        forecast_days: How far forecasts are looked at.
    """

    crossings: pl.DataFrame
    probabilities: pl.DataFrame
    accuracy: pl.DataFrame
    quality: pl.DataFrame
    forecast_days: int = 3


def summary(grades: Grades) -> list[Line]:
    """Every line, the most important first."""
    told = grades.crossings.filter(~pl.col("is_withheld").fill_null(value=False))
    of_all = grades.accuracy.filter(
        (pl.col("model") == "")
        & (pl.col("site_group") == "")
        & (pl.col("horizon_days") <= grades.forecast_days)
    )
    quality = grades.quality.filter(
        (pl.col("window_days") == QUALITY_DAYS)
        & pl.all_horizontal(pl.col(name) == "" for name in ("rule", "severity", "sink"))
    ).to_dicts()
    lines = [
        warnings(told),
        missed(told),
        prevented(told),
        withheld(grades.crossings),
        probability(grades.probabilities),
        forecasts(of_all),
        intervals(of_all),
        *(
            [asked(quality[0]) for asked in (precision, detection, beside_the_cloud, response, noise)]
            if quality
            else []
        ),
    ]
    return [line for line in lines if line is not None]


def warnings(crossings: pl.DataFrame) -> Line:
    """What became of warnings: rows of ``scorecard.crossings`` that were not withheld."""
    made = crossings.filter(pl.col("outcome") != "missed")
    n = {name: made.filter(pl.col("outcome") == name).height for name in OUTCOMES}
    decided = made.height - n["censored"]
    lead = made.filter(pl.col("outcome") == "hit")["lead_days"].median()
    late = made.filter(pl.col("is_late_issue").fill_null(value=False)).height
    share = dict(zip(("true_low", "true_high"), _interval(n["hit"], decided), strict=True))
    values = {**n, "decided": decided, **share, "median_lead_days": _number(lead), "made_afterwards": late}
    if not made.height:
        return Line(
            "warnings",
            f"No warning of a crossing was decided in {OUTCOME_DAYS} days.",
            0,
            is_enough=False,
            values=values,
        )
    parts = [
        words.format(n[name], _was(n[name]))
        for name, words in OUTCOMES.items()
        if n[name] and name != "censored"
    ]
    text = (
        f"Of {count(decided, 'warning')} {_listed(parts)}"
        if parts
        else f"{count(made.height, 'warning')} could not be judged"
    )
    enough = decided >= MIN_CASES
    if n["hit"] and lead is not None and enough:
        days = _short(_number(lead) or 0)
        text += f"; median lead {days} day{'' if days == '1' else 's'}"
    if n["censored"] and parts:
        text += f"; {n['censored']} more had too few readings"
    if late:
        which = "all" if late == made.height else f"{late}"
        text += f"; {which} of them {_was(late)} made afterwards, by a backfill"
    return Line(
        "warnings",
        f"{text}{'' if enough else '; too few for a rate'}.",
        decided,
        is_enough=enough,
        values=values,
    )


def missed(crossings: pl.DataFrame) -> Line:
    """Crossings without a warning."""
    without = crossings.filter(pl.col("outcome") == "missed")
    sudden = without.filter(pl.col("is_sudden").fill_null(value=False)).height
    values = {"missed": without.height, "sudden": sudden}
    if not without.height:
        return Line(
            "missed",
            f"No service level became critical without a warning in {OUTCOME_DAYS} days.",
            values=values,
        )
    verb = "service level became" if without.height == 1 else "service levels became"
    fell = f"; {sudden} of them fell within a day, which no trend can tell" if sudden else ""
    return Line(
        "missed",
        f"{without.height:,} {verb} critical without a warning{fell}.",
        without.height,
        values=values,
    )


def prevented(crossings: pl.DataFrame) -> Line | None:
    """The prevention rate, between counting what recovered by itself for nothing and for prevented.

    Its 95 % interval is from the lower end of the first to the upper end of the second (Wilson).
    """
    n = {
        name: crossings.filter(pl.col("outcome") == name).height
        for name in ("prevented", "hit", "missed", "unattributed")
    }
    cases = n["prevented"] + n["hit"] + n["missed"]
    if not cases + n["unattributed"]:
        return None
    low = n["prevented"] / cases if cases else None
    high = (n["prevented"] + n["unattributed"]) / (cases + n["unattributed"])
    values = {
        "rate": low,
        "rate_high": high,
        "interval_low": _interval(n["prevented"], cases)[0],
        "interval_high": _interval(n["prevented"] + n["unattributed"], cases + n["unattributed"])[1],
        **n,
    }
    if cases < MIN_CASES or low is None:
        return Line(
            "prevention",
            f"{count(cases, 'case')} of prevention, crossing or miss: too few for a rate.",
            cases,
            is_enough=False,
            values=values,
        )
    upper = f", {high:.0%} if what recovered by itself is counted too" if n["unattributed"] else ""
    return Line(
        "prevention", _percent_signs(f"{low:.0%} of crossings were prevented{upper}."), cases, values=values
    )


def withheld(crossings: pl.DataFrame) -> Line | None:
    """Warnings that nobody got because the series' forecasts lose to its weekdays."""
    kept = crossings.filter(pl.col("is_withheld").fill_null(value=False))
    if not kept.height:
        return None
    hits = kept.filter(pl.col("outcome") == "hit").height
    text = f"{count(kept.height, 'warning')} {_was(kept.height)} withheld, since forecasts there lose to the mean of the weekday; {hits} would have come true."
    return Line("withheld", text, kept.height, values={"withheld": kept.height, "hits": hits})


def probability(rows: pl.DataFrame) -> Line | None:
    """Whether probabilities were right: rows of ``scorecard.probabilities``."""
    known = rows.filter(pl.col("n") > 0)
    n = int(known["n"].sum())
    high = known.filter(pl.col("bin_low") >= 0.5)
    cases = int(high["n"].sum())
    if not n:
        return None
    brier, never = (_mean(known, name, "n") for name in ("brier", "observed_share"))
    said, came = (_mean(high, name, "n") for name in ("mean_probability", "observed_share"))
    values = {"brier": brier, "brier_of_never": never, "said": said, "came": came, "n_high": cases}
    if cases < MIN_CASES or said is None or came is None:
        return Line(
            "probability",
            f"{count(cases, 'crossing')} had a probability of 50 % or more: too few to judge it.",
            cases,
            is_enough=False,
            values=values,
        )
    text = f"Crossings of 50 % and more were given {said:.0%} on average and came in {came:.0%} of {cases:,} cases."
    return Line("probability", _percent_signs(text), cases, values=values)


def forecasts(rows: pl.DataFrame) -> Line | None:
    """How good the forecasts were, beside the two simple methods."""
    n = int(rows["n_compared"].sum())
    own, naive, weekday = (
        _mean(rows, name, "n_compared")
        for name in ("compared_abs_error_pct", "naive_abs_error_pct", "weekday_abs_error_pct")
    )
    if not n or own is None or naive is None or weekday is None:
        return None
    mase, naive_mase = (_mean(rows, name, "n_scaled") for name in ("mase", "naive_mase"))
    values = {
        "error_points": own,
        "naive_points": naive,
        "weekday_points": weekday,
        "mase": mase,
        "naive_mase": naive_mase,
    }
    text = (
        f"Forecasts were off by {own:.1f} points on average; last week's value would have been by {naive:.1f}, "
        f"the mean of the weekday by {weekday:.1f}."
    )
    return Line("forecasts", text, n, values=values)


def intervals(rows: pl.DataFrame) -> Line | None:
    """What the intervals held."""
    n = int(rows["n"].sum())
    in_80, in_95 = (_mean(rows, name, "n") for name in ("coverage_80", "coverage_95"))
    if not n or in_80 is None or in_95 is None:
        return None
    values = {"coverage_80": in_80, "coverage_95": in_95}
    text = f"The 95 % interval held {in_95:.1%} and the 80 % interval {in_80:.1%} of {n:,} forecasts."
    return Line("intervals", _percent_signs(text), n, values=values)


def precision(row: Mapping[str, float]) -> Line:
    """Whether alerts were right: the row of all alerts of ``scorecard.alert_quality``, like those below."""
    judged = int(row["n_judged"])
    right = judged - int(row["n_false"])
    others = int(row["n_true"]) - right
    agree = f"; {others:,} more agree{'s' if others == 1 else ''} with known trouble" if others else ""
    unjudged = f"; {int(row['n_unjudged']):,} were not judged" if row["n_unjudged"] else ""
    values = {
        name: row[name]
        for name in (
            "n_alerts",
            "n_true",
            "n_judged",
            "n_false",
            "n_unjudged",
            "n_duplicate",
            "precision",
            "precision_low",
            "precision_high",
            "false_per_site_week",
        )
    }
    if not row["n_alerts"]:
        # Some may have opened since: a day is graded when it is over.
        text = f"No alert opened in the {QUALITY_DAYS} days up to {row['day']}; what opened later is not graded yet."
        return Line("precision", text, 0, is_enough=False, values=values)
    if judged < MIN_CASES:
        text = f"{count(judged, 'alert')} {_was(judged)} judged{agree}{unjudged}: too few for a precision. `mist-pipeline alerts feedback` judges."
        return Line("precision", text, judged, is_enough=False, values=values)
    text = f"Of {judged:,} judged alerts {right:,} were true ({row['precision_low']:.0%} to {row['precision_high']:.0%}){agree}{unjudged}."
    return Line("precision", _percent_signs(text), judged, values=values)


def detection(row: Mapping[str, float]) -> Line | None:
    """How soon trouble was told of, and what was missed."""
    n = int(row["n_troubles"] or 0)
    names = (
        "n_troubles",
        "n_missed",
        "n_early",
        "detect_median_hours",
        "detect_p90_hours",
        "lead_median_hours",
    )
    values = {name: row[name] for name in names}
    if not n:
        return None
    missed = int(row["n_missed"])
    text = f"Of {count(n, 'known trouble')} {missed:,} had no alert"
    if n - missed < MIN_CASES:
        return Line(
            "detection", f"{text}; too few of the others for a time.", n, is_enough=False, values=values
        )
    early = f", {int(row['n_early']):,} of them before it" if row["n_early"] else ""
    return Line(
        "detection",
        f"{text}; of the others half came within {_short(row['detect_median_hours'])} hours of the begin{early}, and nine of ten "
        f"within {_short(row['detect_p90_hours'])}.",
        n,
        values=values,
    )


def beside_the_cloud(row: Mapping[str, float]) -> Line | None:
    """Whether Mist itself said it, and who was first."""
    n = int(row["n_cloud"] or 0)
    names = ("n_cloud", "n_cloud_told", "n_cloud_before", "cloud_lead_median_hours", "n_without_cloud")
    values = {name: row[name] for name in names}
    if not n + int(row["n_without_cloud"] or 0):
        return None
    told, before, lead = (
        int(row["n_cloud_told"] or 0),
        int(row["n_cloud_before"] or 0),
        row["cloud_lead_median_hours"],
    )
    text = (
        f"Of {count(n, 'critical alarm')} of Mist {told:,} had an alert, {before:,} of them before the alarm"
        if n
        else ("Mist raised no critical alarm for a site")
    )
    if told >= MIN_CASES and lead is not None:
        text += f"; half were {_short(abs(lead))} hours {'earlier' if lead >= 0 else 'later'} or more"
    alone = int(row["n_without_cloud"] or 0)
    text += f"; about {count(alone, 'other alert')} Mist said nothing"
    return Line("beside_the_cloud", f"{text}.", n, is_enough=told >= MIN_CASES, values=values)


def response(row: Mapping[str, float]) -> Line | None:
    """How soon people answered."""
    n, waiting = int(row["n_acknowledged"]), int(row["n_waiting"])
    names = (
        "acknowledge_median_minutes",
        "acknowledge_p90_minutes",
        "n_acknowledged",
        "n_waiting",
        "resolve_median_hours",
        "outlived_median_hours",
    )
    values = {name: row[name] for name in names}
    if not n + waiting:
        return None
    still = f"; {waiting:,} still {'waits' if waiting == 1 else 'wait'}" if waiting else ""
    if n < MIN_CASES:
        return Line(
            "response",
            f"{count(n, 'alert')} {_was(n)} acknowledged{still}: too few for a time.",
            n,
            is_enough=False,
            values=values,
        )
    text = f"Half of the acknowledged alerts were taken within {_short(row['acknowledge_median_minutes'])} minutes{still}."
    return Line("response", text, n, values=values)


def noise(row: Mapping[str, float]) -> Line | None:
    """How many messages, and how many alerts nobody touched."""
    if not row["n_told"]:
        return None
    names = ("messages_per_day", "messages_per_person_day", "n_ignored", "ignored_share", "n_told")
    values = {name: row[name] for name in names}
    text = f"{_short(row['messages_per_day'] or 0)} messages a day, {_short(row['messages_per_person_day'] or 0)} a recipient"
    if row["ignored_share"] is not None:
        text += f"; nobody touched {int(row['n_ignored']):,} alerts that were told and are over"
    return Line("noise", f"{text}.", int(row["n_told"]), values=values)


OUTCOMES = {
    "hit": "{0} came true",
    "prevented": "{0} {1} prevented",
    "unattributed": "{0} recovered by themselves",
    "false_alarm": "{0} {1} false",
    "censored": "",
}
"""What may become of a warning → how that is said of a number of them."""


def _was(n: int) -> str:
    return "was" if n == 1 else "were"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _mean(rows: pl.DataFrame, value: str, weight: str) -> float | None:
    """Weighted mean of what is there."""
    known = rows.drop_nulls(value).filter(pl.col(weight) > 0)
    total = float(known[weight].sum())
    return float((known[value] * known[weight]).sum()) / total if total else None


def _interval(part: int, whole: int) -> tuple[float | None, float | None]:
    """Ends of the 95 % interval of a share; None of no cases."""
    low, high = pl.select(*wilson(pl.lit(part), pl.lit(whole))).row(0)
    return low, high


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _short(value: float) -> str:
    """At most one digit after the point, none where there is nothing behind it."""
    return f"{value:,.1f}".removesuffix(".0")


def _percent_signs(text: str) -> str:
    return text.replace("%", " %").replace("  %", " %")
