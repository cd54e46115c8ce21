"""The dead man's switch: asked while all is well, missed or told when it is not, and never named."""

from pathlib import Path

import pytest

from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.workflows.heartbeat import ATTEMPTS, Beat, beat
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply

KEY = "3f2a9c41-d0b7-e2aa-5171-e00100004000"
UP, DOWN = "MIST_PIPELINE__MONITORING__HEARTBEAT_URL", "MIST_PIPELINE__MONITORING__HEARTBEAT_FAIL_URL"


def told(receiver: FakeHttp, failing: list[str], *, has_failure: bool = True) -> Beat:
    given = {UP: f"{receiver.url}/ping/{KEY}?from=mist"}
    if has_failure:
        given[DOWN] = f"{receiver.url}/ping/{KEY}/fail"
    return beat(load_settings(environment=given), failing, sleep=lambda _: None)


def test_a_pipeline_that_works_beats_at_its_address_as_it_was_given() -> None:
    with FakeHttp() as receiver:
        assert told(receiver, []) == Beat(is_well=True, is_delivered=True, said="heartbeat sent")
        assert [(seen.method, seen.target) for seen in receiver.requests] == [
            ("GET", f"/ping/{KEY}?from=mist")
        ]


def test_one_that_does_not_says_so_where_that_has_an_address_and_is_missed_where_it_has_none() -> None:
    with FakeHttp() as receiver:
        assert told(receiver, ["disk"]) == Beat(is_well=False, is_delivered=True, said="failure sent")
        assert [seen.target for seen in receiver.requests] == [f"/ping/{KEY}/fail"]
        missed = told(receiver, ["disk"], has_failure=False)
        assert missed.said == "no heartbeat is sent, so that it is missed"
        assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("replies", "is_delivered", "asked"),
    [
        ([Reply(503), Reply(behaviour="reset"), Reply(200)], True, 3),
        ([Reply(429), Reply(200)], True, 2),
        ([Reply(404)], False, 1),
        ([Reply(302, headers={"Location": "https://example.com/"})], False, 1),
        ([Reply(behaviour="truncate", body=b"OK", headers={})] * ATTEMPTS, False, ATTEMPTS),
    ],
    ids=["trouble that heals", "too many", "unknown", "moved", "cut off"],
)
def test_a_receiver_in_trouble_is_asked_again_and_its_address_never_shown(
    replies: list[Reply], is_delivered: bool, asked: int
) -> None:
    with FakeHttp() as receiver:
        receiver.script(*replies)
        sent = told(receiver, [])
        assert (sent.is_delivered, len(receiver.requests)) == (is_delivered, asked)
        assert KEY not in sent.said
        assert receiver.url not in sent.said


def test_a_receiver_that_is_gone_is_told_without_its_address() -> None:
    with FakeHttp() as receiver:
        pass
    sent = told(receiver, [])
    assert not sent.is_delivered
    assert sent.said.startswith("heartbeat not delivered: connection refused")
    assert KEY not in sent.said


def test_without_an_address_nothing_is_sent() -> None:
    assert beat(Settings(), []).is_delivered
    assert not beat(Settings(), ["disk"]).is_well


def test_the_address_is_a_secret_that_comes_from_the_environment(tmp_path: Path) -> None:
    address = f"https://hc-ping.com/{KEY}"
    settings = load_settings(environment={UP: address})
    assert KEY not in f"{settings!r} {settings.model_dump_json()}"
    assert settings.known_secrets().hide(f"GET {address}") == "GET ***"
    file = tmp_path / "config.yaml"
    file.write_text(f"monitoring: {{heartbeat_url: {address}}}")
    with pytest.raises(SettingsError, match=f"is a secret. .* set {UP}") as refused:
        load_settings(file, {})
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({UP: f"http://example.com/{KEY}"}, "must be https"),
        ({UP: f"https://me:{KEY}@example.com/"}, "must not hold credentials"),
        ({UP: KEY}, "give a whole URL"),
        ({DOWN: f"https://hc-ping.com/{KEY}/fail"}, "heartbeat_fail_url needs heartbeat_url"),
    ],
)
def test_a_wrong_address_is_refused_without_being_quoted(given: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        load_settings(environment=given)
    assert KEY not in str(refused.value)
