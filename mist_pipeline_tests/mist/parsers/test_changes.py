"""Entries of the audit log: what a sentence says, and what of an entry may be written down."""

import json
from typing import Any

import pytest

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape
from mist_pipeline.mist.parsers import changes

ENTRY: dict[str, Any] = {
    "id": "c6f9347b",
    "timestamp": 1431382121.5,
    "org_id": "o-1",
    "site_id": "s-1",
    "admin_id": "72bfa2bd",
    "admin_name": "Jo Doe jo@example.com",
    "message": 'Update WLAN "Corporate"',
    "src_ip": "192.0.2.7",
    "user_agent": "Mozilla/5.0",
    "wlan_id": "w-1",
    "before": {"auth": {"psk": "a passphrase"}},
    "after": {"auth": {"psk": "another passphrase"}},
}


def read(message: object, **more: Any) -> parsers.Change:
    [found] = parsers.parse_audit_logs({"results": [{**ENTRY, "wlan_id": None, "message": message, **more}]})
    return found


def test_an_entry_is_read() -> None:
    [found] = parsers.parse_audit_logs({"results": [ENTRY, ENTRY]})
    assert (found.action, found.kind, found.object_id, found.title) == ("updated", "wlan", "w-1", "Corporate")
    assert (found.timestamp, found.site_id, found.message) == (1431382121.5, "s-1", "Update WLAN …")


@pytest.mark.parametrize(
    ("message", "action", "kind", "title"),
    [
        ("Update Site Settings", "updated", "site_settings", None),
        ('Add Org WLAN "a \\"b\\" c"', "added", "wlan", 'a \\"b\\" c'),
        ('Modify Network Template "Retail"', "updated", "network_template", "Retail"),
        ('Update NetworkTemplate "Retail"', "updated", "network_template", "Retail"),
        ('Update Gateway Template "Hub"', "updated", "gateway_template", "Hub"),
        ('Delete RF Template "Dense"', "deleted", "rf_template", "Dense"),
        ('Update WLAN Template "All"', "updated", "wlan_template", "All"),
        ('Update Template "All"', "updated", "wlan_template", "All"),
        ('Assign Device Profile "AP"', "updated", "ap_template", "AP"),
        ('Update Network "Tills"', "updated", "network", "Tills"),
        ("Update Org Settings", "updated", "organisation_settings", None),
        ('Update Site "Mill Lane"', "updated", "site", "Mill Lane"),
        ('Update Device "AP 1"', "updated", "device", "AP 1"),
        ("Upgrade 12 Devices", "upgraded", "firmware", None),
        ('Update Alarm Template "Loud"', "updated", "other", None),
        ('Add Webhook "ours"', "added", "other", None),
        ('Invite Admin "jo@example.com"', "other", "other", None),
        ('Accessed Org "jo@example.com"', "other", "other", None),
        ("", "other", "other", None),
        ("!!", "other", "other", None),
        ("Update", "updated", "other", None),
        ('update wlan "<b>\n\'; --"', "updated", "wlan", "<b>\n'; --"),
    ],
)
def test_a_sentence_says_what_was_changed(message: str, action: str, kind: str, title: str | None) -> None:
    found = read(message)
    assert (found.action, found.kind, found.title) == (action, kind, title)


def test_every_kind_and_action_is_named() -> None:
    assert changes.OTHER in changes.KINDS
    assert set(changes.ACTIONS) == {"added", "updated", "deleted", "upgraded", "other"}
    assert set(changes._ID_FIELDS.values()) < set(changes.KINDS)


def test_where_the_sentence_is_not_known_the_field_with_the_id_says_what_it_was() -> None:
    found = read('Update Thing "x"', rftemplate_id="rf-1")
    assert (found.kind, found.object_id, found.title) == ("rf_template", "rf-1", "x")


def test_an_id_that_is_no_plain_one_counts_as_not_said() -> None:
    assert read('Update WLAN "x"', wlan_id="../../etc").object_id is None


def test_entries_without_id_or_time_are_set_aside_and_the_others_are_read() -> None:
    odd = parsers.Oddities("audit_logs")
    rows = [ENTRY, {**ENTRY, "id": None}, {**ENTRY, "id": "b", "timestamp": "now"}, 7]
    assert [one.id for one in parsers.parse_audit_logs({"results": rows}, odd=odd)] == ["c6f9347b"]
    assert odd.lost == 3


@pytest.mark.parametrize("document", [{}, [], {"results": None}, {"results": {}}])
def test_an_answer_without_a_list_is_refused(document: Any) -> None:
    with pytest.raises(UnexpectedShape):
        parsers.parse_audit_logs(document)


def test_neither_passphrases_nor_people_are_kept() -> None:
    kept = parsers.kept_entry(ENTRY, with_admin=False)
    assert kept == {
        "id": "c6f9347b", "timestamp": 1431382121.5, "org_id": "o-1", "site_id": "s-1", "wlan_id": "w-1",
        "message": 'Update WLAN "Corporate"',
    }  # fmt: skip
    assert parsers.kept_entry(ENTRY, with_admin=True)["admin_name"] == ENTRY["admin_name"]


@pytest.mark.parametrize(
    ("message", "is_kept"),
    [
        ('Update WLAN "Guests" psk from "hunter2-old" to "hunter2-new"', 'Update WLAN "Guests"'),
        ('Update WLAN "Guests", psk=hunter2', 'Update WLAN "Guests"'),
        ("Update WLAN psk 'hunter2'", "Update WLAN psk …"),
        ('Update WLAN "Guests', "Update WLAN"),
        ('Update WLAN "a \\"b\\" c" hunter2', 'Update WLAN "a \\"b\\" c"'),
    ],
)
def test_what_stands_behind_the_name_is_not_kept(message: str, is_kept: str) -> None:
    kept = parsers.kept_entry({**ENTRY, "message": message}, with_admin=True)
    assert kept["message"].startswith(is_kept)
    assert "hunter2" not in json.dumps(kept)
    [found] = parsers.parse_audit_logs({"results": [{**ENTRY, "message": message}]})
    assert "hunter2" not in f"{found.title}{found.message}"


def test_a_field_that_is_called_an_id_and_is_none_is_not_kept() -> None:
    hostile = {
        "wlan_id": {"psk": "hunter2"},
        "psk_id": "hunter2 or so",
        "id": ["hunter2"],
        "message": {"psk": "hunter2"},
    }
    assert "hunter2" not in json.dumps(parsers.kept_entry({**ENTRY, **hostile}, with_admin=True))


@pytest.mark.parametrize("message", ['Invite Admin "jo@example.com"', "Invite jo@example.com", "Login 'Jo' as jo@example.com"])  # fmt: skip
def test_a_sentence_that_may_name_people_is_kept_without_them(message: str) -> None:
    kept = json.dumps(parsers.kept_entry({**ENTRY, "message": message}, with_admin=False))
    assert "example.com" not in kept
    assert "Jo" not in kept


@pytest.mark.parametrize("message", [None, 7, ["x"]])
def test_an_entry_whose_sentence_is_none_stays_readable(message: object) -> None:
    kept = parsers.kept_entry({**ENTRY, "message": message}, with_admin=False)
    [found] = parsers.parse_audit_logs({"results": [kept]})
    assert (found.kind, found.message) == ("wlan", "") or found.kind == "other"


def test_what_is_kept_reads_as_what_was_received() -> None:
    for message in ('Update WLAN "Corporate"', 'Add Webhook "ours"', "Update Site Settings"):
        entry = {**ENTRY, "message": message, "admin_name": None}
        kept = parsers.kept_entry(entry, with_admin=False)
        assert parsers.parse_audit_logs({"results": [kept]}) == parsers.parse_audit_logs({"results": [entry]})
