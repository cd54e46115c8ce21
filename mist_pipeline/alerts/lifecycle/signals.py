"""What the findings of evaluations say of each site and family together: one `Signal`, set-based.

Which finding leads, how bad it is and since when it must hold, since when the trouble is and whether it is over.

>>> found = pl.DataFrame(
...     {"moment": 0, "source": "live", "is_second": False, "site_id": ["s1", "s1"], "metric": ["coverage", "coverage"],
...      "kind": ["threshold", "evidence"], "severity": ["warning", "major"], "family": ["radio", "radio"],
...      "summary": ["Low.", "Bad."], "evidence": ['{"threshold_pct": 80}', '{"began_at": "2026-03-02T09:00:00Z"}']}
... )
>>> nothing = pl.DataFrame(schema={"moment": pl.Int64, "site_id": pl.String, "family": pl.String})
>>> signal = signals(found, nothing, known_episodes([None]), Policy())[0, False]["s1", "radio"]
>>> signal.kinds, signal.severity, signal.began_at.hour
(('evidence', 'threshold'), 'major', 9)

Not here: readings and episodes of alerts (`observations`), what follows (`lifecycle`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.alerts.lifecycle.model import Series, Source
from mist_pipeline.alerts.lifecycle.policy import Policy, is_reached
from mist_pipeline.alerts.lifecycle.seen import HOUR, MOMENT, PolarsType, numbered
from mist_pipeline.domain.severity import SEVERITIES, Severity, rank

Key = tuple[str, str]
"""site_id and family."""

EVIDENCE = "evidence"
SITE_DOWN = "site_down"
SCORES = ("threshold", "baseline", "trend")
"""Rules about the score of a day or hour, which do not know since when."""
_RAISED = SEVERITIES[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """All findings of one evaluation about one site and family.

    Attributes:
        metric: Of the finding that leads: raising before not, then the worst; of scores the one that is furthest below its line.
        kind: Its rule.
        kinds: Every rule, sorted.
        severity: The worst of those that raise, else of all.
        summary: Its sentence.
        evidence: Its evidence as JSON.
        classifier: What the cloud blames for the metric that leads, else for another; '' if nothing does.
        holds: Severity → how long it must be seen at least so bad before an alert may be. Empty: it raises nothing.
        lines: Metric → score below which a threshold raised it.
        is_about_the_past: All its rules are about the day that ended.
        series: Whose excess raises it.
        began_at: When what raises it began; None where its rules do not know.
        onset: The same, or earlier: when the excess under a score began that raises it together with another excess.
        last_bad_at: End of the last bad hour, the same.
        is_over: All that raises it is over.
        window: The shortest window of an excess that raises it; None where there is none.
    """

    metric: str
    kind: str
    kinds: tuple[str, ...]
    severity: Severity
    summary: str
    evidence: str
    classifier: str
    holds: Mapping[Severity, timedelta]
    lines: Mapping[str, float]
    is_about_the_past: bool
    series: tuple[Series, ...] = ()
    began_at: datetime | None = None
    onset: datetime | None = None
    last_bad_at: datetime | None = None
    is_over: bool = False
    window: timedelta | None = None

    @property
    def is_raising(self) -> bool:
        """Whether it can open an alert."""
        return bool(self.holds)


def signals(
    found: pl.DataFrame, weak: pl.DataFrame, known: pl.DataFrame, policy: Policy
) -> dict[tuple[int, bool], dict[Key, Signal]]:
    """One signal a moment, site and family; second excesses, which have one of their own, apart.

    Args:
        found: Findings after moment, source (kind of evaluation) and is_second (second strongest excess of its metric).
        weak: moment, site_id, family of problems with weak evidence.
        known: `known_episodes`.
        policy: What each rule may do.

    Returns:
        Moment and whether second → site and family → signal.

    Raises:
        ValueError: A finding has an unknown severity.
    """
    if found.is_empty():
        return {}
    unknown = set(found["severity"].unique()) - set(SEVERITIES)
    if unknown:
        raise ValueError(f"findings with unknown severities {sorted(map(str, unknown))}")
    rules = _rule_table(found["kind"].unique().to_list(), found["source"].unique().to_list(), policy)
    key = [MOMENT, "is_second", "site_id", "family"]
    judged = (
        found.lazy()
        .join(rules.lazy(), on=["source", "kind", "severity"], how="left", maintain_order="left")
        .join(
            weak.lazy().with_columns(_is_weak=pl.lit(value=True)),
            on=[MOMENT, "site_id", "family"],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            _is_strong=(pl.col("kind") == EVIDENCE).any().over(key),
            _is_weak=pl.col("_is_weak").fill_null(value=False),
        )
        .with_columns(
            _raises=pl.col("_alone")
            | (pl.col("_corroborated") & pl.col("_is_strong"))
            | (pl.col("_hinted") & (pl.col("_is_strong") | pl.col("_is_weak"))),
        )
        .with_columns(
            _line=pl.when(pl.col("_raises") & (pl.col("kind") == "threshold")).then(
                pl.col("evidence").str.json_path_match("$.threshold_pct").cast(pl.Float64, strict=False)
            ),
        )
        .with_columns(
            *_times(),
            _short_of=_short_of_its_line(),
            _blamed=pl.col("evidence").str.json_path_match("$.classifier"),
        )
        .join(known.lazy(), on=_SERIES, how="left", nulls_equal=True, maintain_order="left")
        # Episodes of a series follow one another: a finding about an earlier one than the newest is about what is over.
        .with_columns(_is_superseded=pl.col("_known_began") >= pl.col("_last_bad"))
        .with_columns(
            pl.when(pl.col("_is_superseded").fill_null(value=False))
            .then("_last_bad")
            .otherwise(pl.coalesce("_known_last_bad", "_last_bad"))
            .alias("_last_bad"),
            # A score that only raises together with evidence is of the same hours: evidence knows whether they are over.
            pl.coalesce(
                pl.col("_is_superseded") | (pl.col("_known_recovery") >= 1),
                pl.col("_is_over"),
                pl.when("_alone").then(pl.lit(value=False)),
            ).alias("_is_over"),
        )
        .sort(
            [*key, "_raises", "_rank", "_order", "_short_of", "metric"],
            descending=[*[False] * len(key), True, True, False, True, False],
            # Of findings that are alike in all of these the first leads, whatever else was evaluated with them.
            maintain_order=True,
        )
    )
    holds = [
        pl.col("_hold")
        .filter(pl.col("_raises") & (pl.col("_rank") >= rank(severity)))
        .min()
        .alias(f"_{severity}")
        for severity in _RAISED
    ]
    has_line = pl.col("_line").is_not_null()
    is_excess = pl.col("_raises") & (pl.col("kind") == EVIDENCE)
    gathered = judged.group_by(key, maintain_order=True).agg(
        pl.col("metric", "kind", "severity", "summary", "evidence").first(),
        pl.col("_blamed")
        .filter(pl.col("metric") == pl.col("metric").first())
        .drop_nulls()
        .first()
        .alias("_blamed_itself"),
        pl.col("_blamed").drop_nulls().first(),
        pl.col("kind").unique().sort().alias("kinds"),
        *holds,
        pl.col("metric").filter(has_line).alias("line_metrics"),
        pl.col("_line").filter(has_line).alias("lines"),
        pl.col("_past").all(),
        pl.struct(metric="metric", classifier="_classifier", is_slow="_is_slow")
        .filter(is_excess)
        .unique(maintain_order=True)
        .alias("series"),
        pl.col("_began").filter("_raises").min().alias("began_at"),
        pl.col("_window").filter(is_excess).min().alias("window"),
        pl.col("_last_bad").filter("_raises").max().alias("last_bad_at"),
        (
            pl.col("_is_over").filter("_raises").all(ignore_nulls=True)
            & pl.col("_is_over").filter("_raises").any(ignore_nulls=True)
        ).alias("is_over"),
    )
    whole = _with_onset(gathered, _under_scores(judged, known.lazy(), key), key)
    told: dict[tuple[int, bool], dict[Key, Signal]] = {}
    for row in whole.collect().iter_rows(named=True):
        of_moment = told.setdefault((row[MOMENT], row["is_second"]), {})
        of_moment[row["site_id"], row["family"]] = _signal(row)
    return told


def _under_scores(judged: pl.LazyFrame, known: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Excesses that go on in a metric whose score raises an alert together with the excess of another metric.

    A family may be in two troubles at once. Its strongest excess is a finding, and what an alert follows; that of the score which
    raises the alert together with it is another one, and knows since when that score is low. It is the excess of the metric as a
    whole and of what the cloud blames; where there is neither, the one that cost users most.

    Returns:
        Key, metric and the columns of `known_episodes`.
    """
    of_metric = [MOMENT, "site_id", "family", "metric"]
    running = known.filter(pl.col("_known_recovery") < 1)
    whole_or_blamed = (pl.col("_classifier") == "") | (pl.col("_classifier") == pl.col("_blamed"))
    return (
        judged.filter("_raises")
        .filter(~(pl.col("kind") == EVIDENCE).any().over(*key, "metric"))
        .filter(pl.col("kind").is_in(SCORES))
        .select(*key, "metric", "_blamed")
        .group_by(*key, "metric", maintain_order=True)
        .agg(pl.col("_blamed").drop_nulls().first())
        .join(running, on=of_metric, how="inner", maintain_order="left")
        .with_columns(_is_meant=whole_or_blamed.fill_null(value=False))
        .sort("_known_lost", "_known_began", "_classifier", descending=[True, False, False], nulls_last=True)
        .filter(
            pl.col("_is_meant")
            | (~pl.col("_is_meant").any() & (pl.int_range(pl.len()) == 0)).over(*key, "metric")
        )
    )


def _with_onset(gathered: pl.LazyFrame, under: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """What raises an alert with the onset of the excesses under its scores, and with what the cloud blames for the metric that leads."""
    of_metric = [*key, "metric"]
    blamed = (
        under.filter(pl.col("_classifier") != "")
        .group_by(of_metric)
        .agg(_excess_of=pl.col("_classifier").first())
    )
    return (
        gathered.join(
            under.group_by(key).agg(_since=pl.col("_known_began").min()),
            on=key,
            how="left",
            maintain_order="left",
        )
        .join(blamed, on=of_metric, how="left", maintain_order="left")
        .with_columns(
            onset=pl.min_horizontal("began_at", "_since"),
            classifier=pl.coalesce("_blamed_itself", "_excess_of", "_blamed").fill_null(""),
        )
    )


def _signal(row: Mapping[str, object]) -> Signal:
    holds: dict[Severity, timedelta] = {}
    for severity in _RAISED:
        hold = row[f"_{severity}"]
        if isinstance(hold, timedelta):
            holds[severity] = hold
    metrics, lines, kinds = row["line_metrics"], row["lines"], row["kinds"]
    assert isinstance(metrics, list)  # noqa: S101  (Polars gives lists for list columns)
    assert isinstance(lines, list)  # noqa: S101
    assert isinstance(kinds, list)  # noqa: S101
    series, began_at, last_bad_at = row["series"], row["began_at"], row["last_bad_at"]
    onset, window = row["onset"], row["window"]
    assert isinstance(series, list)  # noqa: S101
    severity_word = str(row["severity"])
    return Signal(
        metric=str(row["metric"]),
        kind=str(row["kind"]),
        kinds=tuple(kinds),
        severity=SEVERITIES[rank(severity_word)],
        summary=str(row["summary"]),
        evidence=str(row["evidence"]),
        classifier=str(row["classifier"]),
        holds=holds,
        lines=dict(zip(metrics, lines, strict=True)),
        is_about_the_past=bool(row["_past"]),
        series=tuple(Series(**one) for one in series),
        began_at=began_at if isinstance(began_at, datetime) else None,
        onset=onset if isinstance(onset, datetime) else None,
        last_bad_at=last_bad_at if isinstance(last_bad_at, datetime) else None,
        is_over=bool(holds) and bool(row["is_over"]),
        window=window if isinstance(window, timedelta) else None,
    )


_SERIES = [MOMENT, "site_id", "family", "metric", "_classifier", "_is_slow"]


def _times() -> list[pl.Expr]:
    """What findings of kinds that know say of their time: evidence of its episode, a site that is down of its hours."""
    of = pl.col("evidence").str.json_path_match
    is_excess, is_down = pl.col("kind") == EVIDENCE, pl.col("kind") == SITE_DOWN

    def instant(excess: str, down: str) -> pl.Expr:
        text = pl.when(is_excess).then(of(f"$.{excess}")).when(is_down).then(of(f"$.{down}"))
        return text.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)

    return [
        instant("began_at", "first").alias("_began"),
        (instant("last_bad_at", "last") + HOUR).alias("_last_bad"),
        pl.when(is_excess)
        .then(of("$.recovery").cast(pl.Float64, strict=False) >= 1)
        .when(is_down)
        .then(of("$.is_over") == "true")
        .alias("_is_over"),
        pl.duration(hours=pl.when(is_excess).then(of("$.window_hours").cast(pl.Int64, strict=False))).alias(
            "_window"
        ),
        pl.when(is_excess).then(of("$.classifier")).alias("_classifier"),
        pl.when(is_excess).then((of("$.is_slow") == "true").fill_null(value=False)).alias("_is_slow"),
    ]


def _short_of_its_line() -> pl.Expr:
    """How many points a score is below its line; 0 for findings without one."""
    of = pl.col("evidence").str.json_path_match
    line, score = (of(f"$.{name}_pct").cast(pl.Float64, strict=False) for name in ("threshold", "score"))
    return pl.when(pl.col("kind") == "threshold").then(line - score).fill_null(0.0)


def known_episodes(episodes: Sequence[pl.DataFrame | None]) -> pl.DataFrame:
    """What evaluations know at their ends of the newest episode of every series: an hour inside a day knows less.

    Args:
        episodes: Of each moment, as in ``observations.EvaluationInput``.
    """
    columns: dict[str, PolarsType] = {
        **dict.fromkeys(("site_id", "family", "metric", "classifier"), pl.String),
        "is_slow": pl.Boolean,
        **dict.fromkeys(("began_at", "last_bad_at"), pl.Datetime("us", "UTC")),
        **dict.fromkeys(("recovery", "lost_user_minutes"), pl.Float64),
    }
    return numbered(episodes, columns).select(
        MOMENT,
        "site_id",
        "family",
        "metric",
        _classifier="classifier",
        _is_slow="is_slow",
        _known_began="began_at",
        _known_last_bad=pl.col("last_bad_at") + HOUR,
        _known_recovery="recovery",
        _known_lost="lost_user_minutes",
    )


def _rule_table(kinds: Iterable[str], sources: Iterable[Source], policy: Policy) -> pl.DataFrame:
    """What each rule may do at each severity, by the kind of evaluation."""
    order = {kind: number for number, kind in enumerate(policy.rules)}
    rows = [
        (
            source,
            kind,
            severity,
            rank(severity),
            order.get(kind, len(order)),
            is_reached(severity, rule.alone),
            is_reached(severity, rule.corroborated),
            is_reached(severity, rule.hinted),
            rule.held_for(severity, source),
            rule.is_about_the_past,
        )
        for source in sources
        for kind in kinds
        for rule in [policy.rule(kind)]
        for severity in SEVERITIES
    ]
    schema: dict[str, PolarsType] = {
        "source": pl.String,
        "kind": pl.String,
        "severity": pl.String,
        "_rank": pl.Int64,
        "_order": pl.Int64,
        "_alone": pl.Boolean,
        "_corroborated": pl.Boolean,
        "_hinted": pl.Boolean,
        "_hold": pl.Duration("us"),
        "_past": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
