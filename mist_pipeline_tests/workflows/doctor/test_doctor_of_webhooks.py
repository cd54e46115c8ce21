"""What ``doctor`` says of the cloud's webhooks."""

from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.warehouse.owner import Owner
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE
from mist_pipeline.workflows.doctor.pushed import webhooks
from mist_pipeline.workflows.organisation_pin import pin
from mist_pipeline.workflows.pushing.receive import receiving
from mist_pipeline_tests.support.pushes import CAPTURED, NOW, ORG, SECRET, post, raw, updown

HOUR, SHORTLY = timedelta(hours=1), timedelta(minutes=8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path), "MIST_WEBHOOK_SECRET": SECRET})


def said(settings: Settings) -> list[tuple[str, str]]:
    return [(one.verdict, one.found) for one in webhooks(settings, NOW)]


def arrives(settings: Settings, body: bytes, ago: timedelta, secret: str = SECRET) -> None:
    app = receiving(settings, lambda: NOW - ago)
    assert app
    post(app, body, secret=secret)


def test_without_a_secret_nothing_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    assert list(webhooks(load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)}))) == []
    assert list(tmp_path.iterdir()) == []


def test_before_the_first_one_it_asks_to_look_at_the_webhook(settings: Settings, tmp_path: Path) -> None:
    (check,) = webhooks(settings, NOW)
    assert (check.verdict, "none has arrived yet" in check.found, "/mist" in check.fix) == (
        DOUBTFUL,
        True,
        True,
    )
    assert list(tmp_path.iterdir()) == []


def test_what_arrived_is_counted_by_topic(settings: Settings) -> None:
    for name in ("audit", "ping", "audit"):
        arrives(settings, raw(CAPTURED[name]), SHORTLY)
    assert said(settings) == [
        (FINE, "the last one arrived 2026-03-02 09:52 UTC; kept so far: audits 1, ping 1")
    ]


def test_a_day_without_any_is_a_warning(settings: Settings) -> None:
    arrives(settings, raw({"topic": "ping", "events": [updown("", "", NOW - 26 * HOUR)]}), 25 * HOUR)
    ((verdict, found),) = said(settings)
    assert (
        verdict,
        found.startswith("none for more than a day: the last one arrived 2026-03-01 09:00 UTC"),
    ) == (DOUBTFUL, True)


@pytest.mark.parametrize(
    ("body", "secret", "expected"),
    [
        (
            raw(CAPTURED["ping"]),
            "a secret of somebody else",
            "1 message with another signature, the last 2026-03-02 09:52 UTC",
        ),
        (b"{}", SECRET, "1 message that cannot be read, the last 2026-03-02 09:52 UTC"),
        (
            raw({"topic": "alarms", "events": [updown("x", "", org_id="another")]}),
            SECRET,
            "1 message of another organisation, the last 2026-03-02 09:52 UTC",
        ),
    ],
)
def test_what_does_not_count_is_said_until_one_counts(
    settings: Settings, body: bytes, secret: str, expected: str
) -> None:
    pin(settings, Owner(ORG, "Acme"))
    arrives(settings, body, SHORTLY, secret)
    assert said(settings)[1:] == [(DOUBTFUL, expected)]
    arrives(settings, raw(CAPTURED["ping"]), SHORTLY / 2)
    assert [verdict for verdict, _ in said(settings)] == [FINE]
