"""The ledger for the morning report: since when something counts as new, and what usually helps against what is open.

Not here: what is asked of the ledger (``overview``), how it is told (``report.document.incidents``).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from mist_pipeline.overview.morning import Morning
from mist_pipeline.settings import Settings

MOST_STEPS = 3
"""Next steps of an incident: more are on its own page."""


def told_between(reports: Path, day: date, as_of: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Between which instants something began or ended that the report of ``day`` tells.

    From when the report before was first made to when this one is made, so that each is told once, also where a morning is
    made again or left out. A report that is made more than a day after its day is over tells what belongs to its days.
    Without an earlier report: from the beginning of the day.

    Args:
        reports: The reports folder.
        day: The day reported on.
        as_of: When its report is made.
        zone: Of the organisation.
    """
    until = _told_until(day, as_of, zone)
    before = _report_before(reports, day)
    if before is None:
        return min(midnight(day, zone), until), until
    earlier, made = before
    since = midnight(earlier + timedelta(days=1), zone) if made is None else _told_until(earlier, made, zone)
    return min(since, until), until


def _told_until(day: date, made: datetime, zone: ZoneInfo) -> datetime:
    is_in_time = midnight(day, zone) <= made < midnight(day + timedelta(days=2), zone)
    return made if is_in_time else midnight(day + timedelta(days=1), zone)


def _report_before(reports: Path, day: date) -> tuple[date, datetime | None] | None:
    """The newest earlier day that has a folder, and when its report was first made, if that can be read."""
    folders = [
        folder
        for folder in (reports / "history").glob("????-??-??")
        if folder.is_dir() and folder.name < day.isoformat()
    ]
    if not folders:
        return None
    newest = max(folders, key=lambda folder: folder.name)
    try:
        earlier = date.fromisoformat(newest.name)
    except ValueError:
        return None  # a folder that is none of ours
    made = [moment for file in newest.glob("mist-report-*.html") if (moment := _stamp(file))]
    return earlier, min(made, default=None)


def _stamp(file: Path) -> datetime | None:
    """When a report was made, by the name of its file."""
    try:
        return datetime.strptime(file.stem.rpartition("-")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def next_steps(settings: Settings, morning: Morning) -> Mapping[str, Sequence[str]]:
    """Incident that is open → what usually helps against what it is about, the worst of it first."""
    if not morning.open:
        return {}
    advice = settings.notifications.advice()
    steps: dict[str, list[str]] = {}
    for one in morning.open:
        problems = dict.fromkeys(
            (problem.metric, problem.classifier, problem.family) for problem in one.problems
        )
        found = dict.fromkeys(step for problem in problems for step in advice.steps(*problem))
        steps[one.incident.incident_id] = list(found)[:MOST_STEPS]
    return steps


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day of the organisation begins."""
    return datetime.combine(day, time(), zone)
