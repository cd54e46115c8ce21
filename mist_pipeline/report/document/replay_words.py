"""Replays in words, the same for the page and the command line. Plain text; renderers escape.

>>> share(8, 10, 0.8, 0.49, 0.943), share(3, 4, None, None, None), share(0, 0, None, None, None)
('80 % (49–94 %) of 10', 'too few cases (3 of 4)', 'nothing known')
>>> heading({"more": 1, "fewer": 4, "earlier": 0, "later": 2, "same": 12}, "strict.yaml")
'strict.yaml: 4 alerts fewer, 1 alert more, 2 alerts later; 12 are the same.'
"""

from collections.abc import Callable, Mapping

from mist_pipeline.domain.text import count
from mist_pipeline.report.document.replay_model import ChangedAlert, ReplayDocument, ReplayQuality


def share(part: int, whole: int, value: float | None, low: float | None, high: float | None) -> str:
    """A share with its 95 % interval and its cases; where they are too few, they alone."""
    if not whole:
        return "nothing known"
    if value is None or low is None or high is None:
        return f"too few cases ({part} of {whole})"
    return f"{100 * value:.0f} % ({100 * low:.0f}–{100 * high:.0f} %) of {whole}"


def _lead(row: ReplayQuality) -> str:
    heard, hours = row["n_troubles"] - row["n_missed"], row["lead_median_hours"]
    if hours is None:
        return f"too few cases ({heard})" if heard else "nothing known"
    return f"{abs(hours):.1f} h {'before' if hours > 0 else 'after'} ({heard})"


MEASURES: Mapping[str, Callable[[ReplayQuality], str]] = {
    "alerts": lambda row: str(row["alerts"]),
    "incidents": lambda row: str(row["incidents"]),
    "messages a day": lambda row: f"{row['messages_per_day']:.1f}",
    "known to be right": lambda row: str(row["n_true"]),
    "known to be wrong": lambda row: str(row["n_false"]),
    "duplicates": lambda row: str(row["n_duplicate"]),
    "nothing known": lambda row: str(row["n_unjudged"]),
    "precision of those that people judged": lambda row: share(
        row["n_judged"] - row["n_false"],
        row["n_judged"],
        row["precision"],
        row["precision_low"],
        row["precision_high"],
    ),
    "known false a site-week": lambda row: f"{row['false_per_site_week']:.3f}",
    "known troubles heard of": lambda row: share(
        row["n_troubles"] - row["n_missed"],
        row["n_troubles"],
        row["recall"],
        row["recall_low"],
        row["recall_high"],
    ),
    "alert against its begin, median": _lead,
}
"""What is said of every configuration, in this order."""


def heading(changes: Mapping[str, int], other: str) -> str:
    """What is different, in a sentence."""
    words = {"fewer": "fewer", "more": "more", "earlier": "earlier", "later": "later"}
    parts = [f"{count(changes[kind], 'alert')} {word}" for kind, word in words.items() if changes[kind]]
    if not parts:
        return f"{other}: the same {count(changes['same'], 'alert')} at the same times."
    return (
        f"{other}: {', '.join(parts)}; {changes['same']} {'is' if changes['same'] == 1 else 'are'} the same."
    )


def shift(alert: ChangedAlert) -> str:
    """How an alert is different."""
    hours = alert["shift_hours"]
    if hours is None:
        return alert["change"]
    return f"{abs(hours):.1f} h {alert['change']}"


_ALWAYS = (
    "Every hour is evaluated anew from what is stored; kinds of findings that only polls know are not among them.",
    (
        "What was said of alerts that people were told counts for the replayed alert of the same trouble. Trouble that nobody "
        "was told of was judged by nobody, which flatters the configuration in force."
    ),
)


def notes(document: ReplayDocument) -> list[str]:
    """What a reader has to know of the numbers."""
    said = [*_ALWAYS]
    if document["is_every_route_missing"]:
        said.append("No route is configured: messages are counted as if one sink heard of everything.")
    return said
