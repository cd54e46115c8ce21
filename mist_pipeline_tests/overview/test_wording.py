"""Words that every surface shares."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mist_pipeline.alerts.lifecycle.policy import Policy, Rule
from mist_pipeline.domain.severity import Severity
from mist_pipeline.overview.wording import why_untold

RAISING = replace(Policy(), rules={**Policy().rules, "threshold": Rule(alone="critical")})


@pytest.mark.parametrize(
    ("status", "kinds", "policy", "words"),
    [
        ("HEALTHY", [("threshold", "critical")], Policy(), ""),
        ("DEGRADED", [("threshold", "warning")], Policy(), ""),
        ("UNKNOWN", [], Policy(), ""),
        ("CRITICAL", [], Policy(), "No alert: a low score"),
        (
            "CRITICAL",
            [("threshold", "critical"), ("baseline", "critical")],
            Policy(),
            "No alert: a low score",
        ),
        ("UNHEALTHY", [("threshold", "major")], RAISING, "No alert: a low score"),
        ("CRITICAL", [("threshold", "critical")], RAISING, "No alert yet: it has to last first."),
        ("CRITICAL", [("evidence", "major")], Policy(), "No alert yet: it has to last first."),
        ("CRITICAL", [("a kind of tomorrow", "critical")], Policy(), "No alert: a low score"),
    ],
)
def test_a_site_in_trouble_says_why_nobody_is_notified(
    status: str, kinds: Sequence[tuple[str, Severity]], policy: Policy, words: str
) -> None:
    said = why_untold(status, kinds, policy)
    assert said.startswith(words)
    assert bool(said) == bool(words)
