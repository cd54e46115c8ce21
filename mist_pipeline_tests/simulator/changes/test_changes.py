"""The simulated organisation's audit log: troubles have their change before them, and most changes are harmless."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mist_pipeline.mist.parsers import parse_audit_logs
from mist_pipeline.simulator import World
from mist_pipeline.simulator.changes.audit_log import AuditLog
from mist_pipeline.simulator.changes.drawn import ConfigChange, changes
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.messy_scenario import split_firmware, wrong_template

ONSET = datetime(2026, 2, 10, 10, tzinfo=UTC)
_SITES = World(sites=12, days=20, seed=5, quiet=True).sites()
TEMPLATE = _SITES[0].networktemplate_id
WORLD = World(
    sites=12,
    days=20,
    seed=5,
    quiet=True,
    scenarios=[
        *wrong_template([([0, 1], 5.0), ([2], 22.0)], ONSET, networktemplate_id=TEMPLATE),
        *split_firmware(("AP45", [3, 4]), ("AP34", [5]), ONSET + timedelta(days=3), 2.0, "0.14.30117"),
    ],
)


@pytest.fixture(scope="module")
def all_changes() -> list[ConfigChange]:
    return changes(WORLD, WORLD.start.timestamp(), WORLD.end.timestamp())


def test_a_wrong_template_is_saved_once_within_minutes_before_its_trouble(
    all_changes: list[ConfigChange],
) -> None:
    [made] = [one for one in all_changes if one.incident_id and one.message.startswith("Update")]
    assert 0 < ONSET.timestamp() - made.at < 15 * 60
    assert (made.target, made.site_id) == (("networktemplate_id", TEMPLATE), None)


def test_a_firmware_is_rolled_out_at_each_of_its_sites_and_back(all_changes: list[ConfigChange]) -> None:
    upgrades = [one for one in all_changes if one.message.startswith("Upgrade")]
    made = [one for one in upgrades if one.incident_id]
    assert {one.site_id for one in made} == {_SITES[index].site_id for index in (3, 4, 5)}
    assert len(upgrades) == 2 * len(made)
    assert {one.incident_id for one in all_changes if one.incident_id} == {
        one.incident_id for one in WORLD.truth
    }


def test_most_changes_are_harmless_and_an_own_stream_gives_the_same_in_any_window(
    all_changes: list[ConfigChange],
) -> None:
    start, end = WORLD.start.timestamp(), WORLD.end.timestamp()
    pieces = [changes(WORLD, start + day * 40_000, start + (day + 1) * 40_000) for day in range(44)]
    assert [one for piece in pieces for one in piece if one.at < end] == all_changes
    assert sum(not one.incident_id for one in all_changes) > 100
    assert len({one.change_id for one in all_changes}) == len(all_changes)


def test_asking_for_changes_changes_no_reading() -> None:
    def readings() -> object:
        frames = World(sites=4, days=3, seed=5).history(date(2026, 2, 2), date(2026, 2, 3))
        return [frame.hash_rows().to_list() for frame in frames.values()]

    before = readings()
    changes(World(sites=4, days=3, seed=5), WORLD.start.timestamp(), WORLD.end.timestamp())
    assert readings() == before


def test_nothing_later_than_now_is_told_and_every_entry_can_be_read() -> None:
    log = AuditLog(WORLD, Clock(ONSET))
    found = log.between(WORLD.start.timestamp(), WORLD.end.timestamp())
    assert found
    assert max(one.at for one in found) <= ONSET.timestamp()
    for write in (log.document, log.event):
        documents = [write(one) for one in found]
        assert not any("incident_id" in one for one in documents)
        assert len(parse_audit_logs({"results": documents})) == len(found)
