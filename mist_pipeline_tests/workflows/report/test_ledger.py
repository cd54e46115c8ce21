"""What a morning report tells of the ledger: since the report before, each once; and what usually helps."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.report.ledger import next_steps, told_between
from mist_pipeline_tests.support.report.mornings import incident, morning

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 22)
MADE = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)


def at(day: int, hour: int = 0) -> datetime:
    """An instant in November, in the organisation's time."""
    return datetime(2026, 11, day, hour, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("before", "made", "told"),
    [
        pytest.param({}, MADE, (at(22), MADE), id="the first report tells of its day"),
        pytest.param(
            {"2026-11-21": ["20261122T043000Z"], "2026-11-23": ["20261124T043000Z"]},
            MADE,
            (MADE - timedelta(days=1), MADE),
            id="from when the report before was made",
        ),
        pytest.param(
            {"2026-11-21": ["20261122T043000Z", "20261123T020000Z"]},
            MADE,
            (MADE - timedelta(days=1), MADE),
            id="the report before was made again",
        ),
        pytest.param(
            {"2026-11-18": ["20261119T043000Z"]}, MADE, (MADE - timedelta(days=4), MADE), id="days without reports"
        ),
        pytest.param(
            {"2026-11-21": ["20261202T043000Z"]}, MADE, (at(22), MADE), id="the report before was made much later"
        ),
        pytest.param({"2026-11-21": []}, MADE, (at(22), MADE), id="the report before cannot be read"),
        pytest.param({}, at(30), (at(22), at(23)), id="made much later"),
        pytest.param({"2026-11-99": ["x"], "2026-02-30": ["x"]}, MADE, (at(22), MADE), id="folders that are no days"),
    ],
)  # fmt: skip
def test_what_is_new_is_what_no_earlier_report_told(
    tmp_path: Path, before: dict[str, list[str]], made: datetime, told: tuple[datetime, datetime]
) -> None:
    for day, stamps in before.items():
        folder = tmp_path / "history" / day
        folder.mkdir(parents=True)
        for stamp in stamps:
            (folder / f"mist-report-{day}-{stamp}.html").touch()
    assert told_between(tmp_path, DAY, made, BERLIN) == told


def test_next_steps_fit_what_an_incident_is_about() -> None:
    steps = next_steps(Settings(), morning(incident("a", "s1")))
    assert 1 <= len(steps["a"]) <= 3
    assert steps["a"] == list(Settings().notifications.advice().steps("coverage", "weak-signal", "radio"))[:3]
    assert next_steps(Settings(), morning()) == {}
