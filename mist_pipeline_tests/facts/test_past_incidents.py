"""What was over before it was noticed is told as the tables have it, and the check notices where it is not."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.report import ReportData, build_dashboard, render_html, render_text
from mist_pipeline_tests.support.facts.report_reader import past_falsehoods
from mist_pipeline_tests.support.facts.tree import tree
from mist_pipeline_tests.support.facts.truth import Truth
from mist_pipeline_tests.support.report.past import NINE, past_alerts
from mist_pipeline_tests.support.report.worlds import make_report, site_id

HOUR = timedelta(hours=1)
ONE_DAY = past_alerts({"site_id": site_id(0)})
TWO_DAYS = past_alerts(
    {"site_id": site_id(0)}, {"site_id": site_id(1), "severity": "critical", "last_bad_at": NINE + 20 * HOUR}
)


def falsehoods(said: ReportData, so: ReportData) -> list[str]:
    """What a report says of past incidents against the tables of another."""
    document, page = build_dashboard(said), tree(render_html(said))
    return list(past_falsehoods(document, page, render_text(said), Truth(so)))


@pytest.fixture(scope="module")
def world() -> ReportData:
    return replace(make_report(3, 2, analysed=False), zone=ZoneInfo("America/New_York"))


@pytest.mark.parametrize("rows", [None, past_alerts(), ONE_DAY, TWO_DAYS])
def test_what_is_told_is_so(world: ReportData, rows: object) -> None:
    data = replace(world, past_incidents=rows)
    assert falsehoods(data, data) == []


@pytest.mark.parametrize(
    ("changes", "noticed"),
    [
        ({"began_at": NINE - HOUR}, "the tables have"),
        ({"last_bad_at": NINE + 5 * HOUR}, "but it lasted 5 h"),
        ({"severity": "warning"}, "not the worst"),
        ({"incident_id": "another"}, "not the incidents"),
    ],
)
def test_a_falsehood_is_noticed(world: ReportData, changes: dict[str, object], noticed: str) -> None:
    said = replace(world, past_incidents=ONE_DAY)
    so = replace(world, past_incidents=past_alerts({"site_id": site_id(0), **changes}))
    assert any(noticed in one for one in falsehoods(said, so))
