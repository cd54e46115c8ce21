"""A timeline read back: what it says happened, when and to which alerts, against the ledger's rows."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from math import floor

from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.text import clean
from mist_pipeline_tests.support.facts.readers.incident_reader import Rows

Line = tuple[datetime, str]
Check = Callable[[re.Match[str], datetime, Rows, Sequence[Alert]], Iterator[str]]
_MORE = re.compile(r" and [\d,]+ more(?:: |$)")


def timeline_falsehoods(lines: Sequence[Line], rows: Rows, names: Mapping[str, str]) -> list[str]:
    """What a timeline says that is not so, cannot be checked, or is left out.

    Args:
        lines: Instant and words.
        rows: What the ledger has at the end.
        names: Alert → what the timeline calls it.
    """
    wrong: list[str] = []
    for moment, words in lines:
        subject, _, happened = words.rpartition("): ")
        about = [one for one in rows.alerts if names[one.alert_id].removesuffix(")") in subject]
        text = happened if about else words
        checks = [(found, check) for pattern, check in _CHECKS if (found := re.fullmatch(pattern, text))]
        if not checks:
            wrong.append(f"no checker for “{words}”")
        wrong += [
            f"“{words}” at {moment}: {why}"
            for found, check in checks
            for why in check(found, moment, rows, about)
        ]
    if [moment for moment, _ in lines] != sorted(moment for moment, _ in lines):
        wrong.append("it is not in order")
    return wrong + list(_left_out(lines, rows, names))


def _left_out(lines: Sequence[Line], rows: Rows, names: Mapping[str, str]) -> Iterator[str]:
    """Every alert is seen to open and to end, unless its line names others and says how many more."""
    for alert in rows.alerts:
        for moment, ends in ((alert.opened_at, " as "), (alert.resolved_at, ": over, ")):
            there = [words for at, words in lines if at == moment and ends in words]
            if moment and not any(names[alert.alert_id] in one or _MORE.search(one) for one in there):
                yield f"nothing is said of {names[alert.alert_id]} at {moment}"


def _opened(found: re.Match[str], moment: datetime, _rows: Rows, about: Sequence[Alert]) -> Iterator[str]:
    for alert in about:
        if alert.opened_at is None or moment < alert.opened_at:
            yield f"the tables have opened at {alert.opened_at}"
        if rank(found["severity"]) > rank(alert.highest):
            yield f"the tables have {alert.highest} at worst"


def _resolved(found: re.Match[str], moment: datetime, _rows: Rows, about: Sequence[Alert]) -> Iterator[str]:
    for alert in about:
        if alert.resolved_at != moment or clean(alert.resolution or "") != found["because"]:
            yield f"the tables have {alert.resolution} at {alert.resolved_at}"


def _much_worse(found: re.Match[str], moment: datetime, _rows: Rows, about: Sequence[Alert]) -> Iterator[str]:
    for alert in about:
        if alert.worse_at != moment:
            yield f"the tables have {alert.worse_at}"
        if alert.worse_metric is None or title_of(alert.worse_metric) != found["what"]:
            yield f"the tables have {alert.worse_metric}"
        known = (alert.worse_from_pct or 0.0, alert.worse_to_pct or 0.0)
        if [int(found["from"]), int(found["to"])] != [floor(one) for one in known]:
            yield f"the tables have {known[0]} to {known[1]}"


def _of_alerts(
    _found: re.Match[str], _moment: datetime, _rows: Rows, about: Sequence[Alert]
) -> Iterator[str]:
    if not about:
        yield "no such alert"


def _incident(field: str, *, by: bool = False) -> Check:
    """An instant of the incident, and who."""

    def check(found: re.Match[str], moment: datetime, rows: Rows, _about: Sequence[Alert]) -> Iterator[str]:
        if getattr(rows.incident, field) != moment:
            yield f"the tables have {getattr(rows.incident, field)}"
        if by and rows.incident.acknowledged_by != found["by"]:
            yield f"the tables have {rows.incident.acknowledged_by}"

    return check


def _gained(found: re.Match[str], _moment: datetime, rows: Rows, _about: Sequence[Alert]) -> Iterator[str]:
    if int(found["number"]) > len(rows.incident.alert_ids):
        yield f"the tables have {len(rows.incident.alert_ids)}"


_SEVERITY = r"(?P<severity>critical|major|warning|info)"
_CHECKS: Sequence[tuple[str, Check]] = (
    (rf"(?:opened|is back) as {_SEVERITY}", _opened),
    (rf"is (?:worse|milder) now: {_SEVERITY}", _opened),
    (
        r"is much worse now: (?P<what>.+) grew from (?P<from>\d+) % to (?P<to>\d+) % of user-minutes degraded in the 2 h before",
        _much_worse,
    ),
    (r"over, (?P<because>.+)", _resolved),
    (r"readings are good again; its recovery is counted|seen again|reported: .+|acknowledged by .+", _of_alerts),
    (r"seen (?:as|milder, as) .+|not seen .+ any more|nobody can see it.+|can be seen again|seen; it has to hold.+", _of_alerts),
    (r"Incident opened: .+", _incident("opened_at")),
    (r"Incident is over", _incident("resolved_at")),
    (r"Incident acknowledged by (?P<by>.+)", _incident("acknowledged_at", by=True)),
    (r"Incident gained (?P<number>\d+) alerts?", _gained),
)  # fmt: skip
