"""Asking who is hit: what is asked when, what is kept, and what is said where the cloud does not answer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.impact.ask import AskedAbout, ask_who_is_hit
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.mist.impact_cloud import ORG, ImpactCloud
from mist_pipeline_tests.support.mist.scripted_cloud import Reply, ScriptedCloud, Seen

pytestmark = pytest.mark.slow

TOKEN = "tOkEn-0123456789abcdefSECRET"


class World:
    """One installation that watches a scripted cloud."""

    def __init__(self, data: Path, cloud: ImpactCloud, **environment: str) -> None:
        self.cloud = cloud
        self.warnings: list[str] = []
        self.settings: Settings = load_settings(
            environment={
                "MIST_PIPELINE_DATA": str(data),
                "MIST_API_TOKEN": TOKEN,
                "MIST_BASE_URL": cloud.cloud.url,
                "MIST_ORG_ID": ORG,
                **environment,
            }
        )

    def sees(self, hour: float, *rows: dict[str, str]) -> None:
        """An evaluation."""
        with open_ledger(self.settings) as ledger:
            ledger.record_evaluation(live(hour, *rows))

    def asks(self, hour: float, elapsed: Callable[[], float] = lambda: 0.0) -> AskedAbout:
        """A run that asks."""
        return ask_who_is_hit(self.settings, START + hour * HOUR, warn=self.warnings.append, elapsed=elapsed)

    def known(self) -> list[list[Impact]]:
        """What the ledger knows of every incident."""
        with open_ledger(self.settings) as ledger:
            state = ledger.lifecycle_state(START)
            return list(ledger.impacts(state.incidents).values())

    def whole(self) -> Impact:
        """What it knows of the only incident."""
        [own] = self.known()
        assert own[0].is_whole
        return own[0]


Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    scripted = ScriptedCloud()
    yield lambda **environment: World(tmp_path, ImpactCloud(scripted), **environment)
    scripted.close()


@pytest.fixture
def world(make: Make) -> World:
    made = make()
    made.sees(0, finding(severity="critical"))
    made.sees(1, finding(severity="critical"))
    return made


def test_an_incident_that_opens_is_sized_with_the_devices_that_carry_it(world: World) -> None:
    [impact] = world.asks(1).impacts
    assert impact == world.whole()
    assert (impact.occasion, impact.num_users, impact.total_users) == ("opened", 42, 180)
    assert (impact.num_aps, impact.total_aps, impact.num_sites, impact.num_sites_asked) == (3, 12, 1, 1)
    assert [(device.name, device.mac[-2:]) for device in impact.devices] == [
        ("AP-3", "03"),
        ("AP-2", "02"),
        ("", "01"),
    ]
    assert impact.parts["wlan"] == {"<b>Guest</b>": 0.75, "Corp": 0.25}
    assert impact.unknown == "user-hours: no evidence of user-minutes behind its alerts"
    assert sorted(world.cloud.asked) == ["impact-summary", "impacted-aps", "summary-trend"]


def test_people_are_not_even_asked_for_unless_they_are_to_be_shown(make: Make) -> None:
    for shows, asked, clients in (("false", 0, []), ("true", 1, ["anna's phone"])):
        world = make(MIST_PIPELINE__PRIVACY__SHOW_CLIENTS=shows)
        world.cloud.cloud.requests.clear()
        world.sees(0 if shows == "false" else 2, finding())
        hour = 1.0 if shows == "false" else 3.0
        world.sees(hour, finding())
        world.asks(hour)
        assert world.cloud.asked.count("impacted-users") == asked
        assert [one.name for one in world.whole().clients] == clients


def test_a_count_that_is_null_is_asked_as_a_list_whose_names_are_dropped(world: World) -> None:
    world.cloud.counts = {"num_users": None, "total_users": None, "num_aps": None, "total_aps": None}
    world.asks(1)
    impact = world.whole()
    assert (impact.num_users, impact.total_users, impact.clients) == (42, None, ())
    assert (impact.num_aps, impact.total_aps) == (3, None)


def test_it_is_asked_again_after_an_hour_when_it_grows_worse_and_once_when_it_is_over(make: Make) -> None:
    world = make()
    world.sees(0, finding(severity="major"))
    world.sees(1, finding(severity="major"))
    hours = (1.0, 1.25, 1.5, 2.0)
    occasions = [[one.occasion for one in world.asks(hour).impacts] for hour in hours]
    assert occasions == [["opened"], [], [], ["hourly"]]
    for hour in (2.1, 2.6, 3.1):
        world.sees(hour, finding(severity="critical"))
    assert [one.occasion for one in world.asks(2.9).impacts] == ["worse"]
    assert world.whole().severity == "critical"
    with open_ledger(world.settings) as ledger:
        [incident] = ledger.lifecycle_state(START).incidents.values()
        ledger.resolve(incident.incident_id, "ada", START + 4 * HOUR)
    assert [one.occasion for one in world.asks(4).impacts] == ["over"]
    assert world.asks(9).impacts == ()


FAILURES: list[tuple[str, Reply, str]] = [
    ("not licensed", Reply(404, {"id": "x"}), "the cloud does not say who is hit there"),
    ("not known", Reply(400, {"detail": "unknown"}), "the cloud does not say who is hit there"),
    ("forbidden", Reply(403, {"detail": "no"}), "the API token may not see it (HTTP 403)"),
    ("in trouble", Reply(503, body=b"<html>"), "the cloud did not answer (HTTP 503)"),
    ("cut off", Reply(200, body=b'{"start": 1'), "the cloud did not answer (HTTP 200)"),
    ("nonsense", Reply(200, {"impact": [], "aps": 7, "start": "x"}), "the cloud's answer cannot be read"),
    ("too many", Reply(429, {"detail": "Too Many"}), "(HTTP 429)"),
]


@pytest.mark.parametrize(
    ("reply", "words"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES]
)
def test_what_is_not_known_says_why(world: World, reply: Reply, words: str) -> None:
    world.cloud.changed = lambda seen: reply if "/metric/" in seen.path else None
    world.asks(1)
    impact = world.whole()
    assert (impact.num_users, impact.num_aps, impact.devices) == (None, None, ())
    assert impact.num_sites_asked == 0
    assert "users and devices: " in impact.unknown
    assert words in impact.unknown or "not asked: the calls of this hour" in impact.unknown
    assert TOKEN not in impact.unknown


def test_a_refused_token_is_said_and_fails_nothing(world: World) -> None:
    world.cloud.changed = lambda _: Reply(401, {"detail": "who?"})
    world.asks(1)
    assert "the cloud does not accept the API token (HTTP 401)" in world.whole().unknown
    assert world.warnings
    assert all(TOKEN not in warning for warning in world.warnings)


def test_devices_are_known_where_only_the_numbers_failed(world: World) -> None:
    world.cloud.changed = lambda seen: Reply(503) if seen.path.endswith("/summary-trend") else None
    world.asks(1)
    impact = world.whole()
    assert (impact.num_users, impact.num_aps, len(impact.devices)) == (None, 3, 3)
    assert impact.unknown.startswith("users: the cloud did not answer (HTTP 503)")


def test_nobody_hit_is_zero_and_nobody_there_is_no_answer(world: World) -> None:
    nobody = Reply(document={"start": 0, "end": 60, "total_count": 0, "aps": []})
    world.cloud.changed = lambda seen: nobody if seen.path.endswith("impacted-aps") else None
    world.cloud.counts = {"num_users": 0, "total_users": 90, "num_aps": 0, "total_aps": 12}
    world.asks(1)
    impact = world.whole()
    assert (impact.num_users, impact.total_users, impact.num_aps, impact.devices) == (0, 90, 0, ())
    world.cloud.counts = {"num_users": 0, "total_users": 0, "num_aps": 0, "total_aps": 12}
    world.asks(2)
    impact = world.whole()
    assert (impact.num_users, impact.num_sites_asked) == (None, 0)
    assert "users: the cloud counted nobody there at that time" in impact.unknown


def test_without_a_token_nothing_is_asked_and_the_run_goes_on(make: Make) -> None:
    world = make(MIST_API_TOKEN="")
    world.sees(0, finding())
    world.sees(1, finding())
    world.asks(1)
    assert "users and devices: not asked: no API token is configured" in world.whole().unknown
    assert world.cloud.cloud.requests == []


def test_what_has_not_come_by_the_deadline_is_left(world: World) -> None:
    seconds = iter([0.0, 0.0, *[100.0] * 50])
    world.asks(1, elapsed=lambda: next(seconds))
    assert "the cloud took too long" in world.whole().unknown


def test_a_site_that_is_down_has_no_service_level_to_ask_about(make: Make) -> None:
    world = make()
    down = finding(family="device", kind="site_down", severity="critical", metric="")
    world.sees(0, down)
    world.sees(1, down)
    world.asks(1)
    assert world.whole().unknown.startswith("users and devices: none of its alerts is about a service level")
    assert world.cloud.asked == []


def test_of_fifty_incidents_the_worst_are_asked_and_the_rest_say_that_the_budget_ended(make: Make) -> None:
    world = make(MIST_PIPELINE__MIST__CALLS_PER_HOUR="400")
    sites = [f"site-{number:02}" for number in range(50)]
    rows = [
        finding(site, severity="critical" if number >= 40 else "major") for number, site in enumerate(sites)
    ]
    found: list[Any] = []
    for number, row in enumerate(rows):
        found.append({**row, "family": f"family-{number}"})
    world.sees(0, *found)
    world.sees(1, *found)
    with open_ledger(world.settings) as ledger:
        incidents = len(ledger.lifecycle_state(START).incidents)
    asked = world.asks(1)
    assert asked.left_out > 0
    assert len(world.cloud.asked) <= 400 * 0.2 * 0.25
    assert len(world.cloud.cloud.requests) <= 400 * 0.2 * 0.25 + 1, "names of service levels are calls, too"
    assert set(world.cloud.sites) <= set(sites[40:]), "the worst first"
    known = [own[0] for own in world.known()]
    assert len(known) == incidents
    unasked = [one for one in known if one.num_users is None]
    assert unasked
    assert all("not asked: " in one.unknown and "worst incidents first" in one.unknown for one in unasked)


def test_a_hostile_metric_list_costs_one_site_and_not_the_run(world: World) -> None:
    def changed(seen: Seen) -> Reply | None:
        return Reply(document={"enabled": {"no": "list"}}) if seen.path.endswith("/metrics") else None

    world.cloud.changed = changed
    world.asks(1)
    assert "the cloud's answer cannot be read" in world.whole().unknown


def test_an_alert_of_this_very_moment_is_asked_over_the_last_hour(make: Make) -> None:
    world = make()
    world.sees(0, finding(severity="critical"))
    world.asks(0)
    impact = world.whole()
    assert impact.num_users == 42
    [counts] = [seen for seen in world.cloud.cloud.requests if seen.path.endswith("/summary-trend")]
    assert int(counts.query["end"]) - int(counts.query["start"]) == 3600


def test_a_spelling_that_fits_no_path_is_not_asked(world: World) -> None:
    def changed(seen: Seen) -> Reply | None:
        return Reply(document={"enabled": ["Coverage "]}) if seen.path.endswith("/metrics") else None

    world.cloud.changed = changed
    world.asks(1)
    assert "the cloud does not offer this service level there" in world.whole().unknown
    assert world.cloud.asked == []


def test_damaged_raw_files_only_cost_the_names_once_more(world: World) -> None:
    folder = world.settings.data / "raw" / "sle_metrics" / "snapshots"
    folder.mkdir(parents=True)
    (folder / "2026-03-02T00-00-00Z.jsonl.gz").write_bytes(b"no archive")
    world.asks(1)
    assert world.whole().num_users == 42
