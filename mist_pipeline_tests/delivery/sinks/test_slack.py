"""Slack: one message an incident, brought up to date, with a thread; within all limits, for any name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.delivery.message import Message, Reason
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.sinks.slack.blocks import change_blocks, incident_blocks
from mist_pipeline.delivery.sinks.slack.buttons import buttons
from mist_pipeline.delivery.sinks.slack.inbound import answer
from mist_pipeline.delivery.sinks.slack.sink import SlackBotSink, SlackWebhookSink
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits
from mist_pipeline_tests.support.delivery.messages import (
    HOSTILE,
    START,
    WORSE,
    alert,
    incident,
    message,
    resolved,
    site,
)
from mist_pipeline_tests.support.delivery.retry_table import IMPATIENT
from mist_pipeline_tests.support.fakes.fake_http import Reply, json_reply
from mist_pipeline_tests.support.fakes.fake_slack import (
    CHANNEL,
    SCOPES,
    TOKEN,
    Channel,
    FakeSlack,
    block_trouble,
)


def bot(fake: FakeSlack, channel: str = CHANNEL, token: str = TOKEN) -> SlackBotSink:
    return SlackBotSink("chat", Secret(token), channel, f"{fake.url}/api", HttpLimits(read_seconds=20))


def accepted(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def told_again(
    reference: Accepted, reason: Reason = "more_sites", sequence: int = 2, **changes: object
) -> Message:
    return message(incident(3), reason, sequence, reference=reference.reference, **changes)


def text_of(blocks: object) -> str:
    return str(blocks)


def test_that_it_is_much_worse_is_told_in_the_channel_too_with_from_what_to_what() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        first = accepted(sink.send(message()))
        worse = message(incident(worse=WORSE), "much_worse", 2, reference=first.reference)
        accepted(sink.send(worse))
        [change] = fake.replies()
        [post] = fake.posts()
    assert change.is_broadcast
    assert "CRITICAL, much worse" in change.text
    assert "grew from 18 % to 61 % of user-minutes" in text_of(change.blocks)
    assert "grew from 18 % to 61 % of user-minutes" in text_of(post.blocks)


def test_an_incident_is_one_message_that_is_brought_up_to_date_with_a_thread() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        first = accepted(sink.send(message()))
        second = accepted(sink.send(told_again(first)))
        over = resolved(incident(3))
        third = accepted(sink.send(message(over, "all_resolved", 3, reference=second.reference)))
        [post] = fake.posts()
        changes = fake.replies()
    assert post.edits == 2
    assert "RESOLVED after 2 h 10 min" in post.text
    assert [change.thread_ts for change in changes] == [post.ts, post.ts]
    assert [change.is_broadcast for change in changes] == [True, False]
    assert "RESOLVED" in changes[1].text
    assert first.reference == second.reference == third.reference == {CHANNEL: f"{CHANNEL}/{post.ts}"}


def test_a_channel_given_by_name_is_edited_by_the_id_that_slack_told() -> None:
    with FakeSlack() as fake:
        sink = bot(fake, "#headroom")
        first = accepted(sink.send(message()))
        accepted(sink.send(told_again(first)))
        assert len(fake.posts()) == 1
        assert len(fake.replies()) == 1


def test_another_channel_named_by_an_escalation_gets_a_message_of_its_own() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        first = accepted(sink.send(message()))
        second = accepted(sink.send(told_again(first, "escalation", recipient="C0OTHERONE")))
        third = accepted(sink.send(told_again(second, "more_sites", 3)))
        assert len(fake.posts()) == len(fake.posts("C0OTHERONE")) == 1
        assert len(fake.replies()) == 1
    assert set(third.reference) == {CHANNEL, "C0OTHERONE"}


@pytest.mark.parametrize("reason", ["acknowledged", "all_resolved"])
def test_every_channel_that_heard_of_it_sees_that_it_is_taken_or_over(reason: Reason) -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        first = accepted(sink.send(message()))
        second = accepted(sink.send(told_again(first, "escalation", recipient="C0OTHERONE")))
        accepted(sink.send(told_again(second, reason, 3)))
        (there,) = fake.posts("C0OTHERONE")
        assert there.blocks == fake.posts()[0].blocks
        assert (len(fake.replies()), len(fake.replies("C0OTHERONE"))) == (1, 0)


def test_a_channel_that_cannot_be_updated_keeps_no_other_from_hearing_the_end() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        first = accepted(sink.send(message()))
        second = accepted(sink.send(told_again(first, "escalation", recipient="C0OTHERONE")))
        fake.script(json_reply({"ok": False, "error": "restricted_action"}))
        ended = accepted(sink.send(told_again(second, "all_resolved", 3)))
        assert len(fake.replies()) == 1
    assert "C0OTHERONE" in ended.note
    assert "restricted_action" in ended.note


def test_a_channel_that_only_an_escalation_called_hears_the_end_and_no_other_does() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        called = accepted(sink.send(replace(message(reason="escalation"), recipient="C0OTHERONE")))
        accepted(sink.send(told_again(called, "all_resolved", 2)))
        assert (len(fake.posts()), len(fake.posts("C0OTHERONE"))) == (0, 1)
        assert (len(fake.replies()), len(fake.replies("C0OTHERONE"))) == (0, 1)


def test_a_message_that_somebody_deleted_is_posted_anew() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        first = accepted(sink.send(message()))
        fake.channels[CHANNEL].clear()
        second = accepted(sink.send(told_again(first)))
        assert len(fake.posts()) == 1
    assert second.reference != first.reference


@pytest.mark.parametrize("has_thread", [False, True])
def test_a_message_that_arrived_without_an_answer_is_found_and_not_sent_again(has_thread: bool) -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        told = message()
        if has_thread:
            told = told_again(accepted(sink.send(told)))
            answers = [json_reply({"ok": True})]
        else:
            answers = []
        fake.script(*answers, Reply(behaviour="after_commit"))
        assert isinstance(sink.send(told), Unknown)
        found = accepted(sink.recover(replace(told, attempt=2)))
        assert len(fake.channels[CHANNEL]) == 1 + has_thread
    assert found.reference == {CHANNEL: f"{CHANNEL}/{fake.posts()[0].ts}"}


def test_a_message_that_did_not_arrive_is_sent_by_recovering_it() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        accepted(sink.send(message()))
        fake.script(Reply(behaviour="reset"))
        other = message(incident(2), sequence=7)
        assert isinstance(sink.send(other), Unknown)
        accepted(sink.recover(other))
        assert len(fake.posts()) == 2


def test_a_bot_that_may_not_read_tells_twice_rather_than_never() -> None:
    with FakeSlack(scopes={"chat:write"}) as fake:
        sink = bot(fake)
        fake.script(Reply(behaviour="after_commit"))
        assert isinstance(sink.send(message()), Unknown)
        assert "it may be there twice" in accepted(sink.recover(message())).note
        assert len(fake.posts()) == 2


def lost(fake: FakeSlack, channel: str, told: Message | None = None) -> Outcome:
    """What recovering gives for a message that arrived without an answer."""
    sink = bot(fake, channel)
    fake.script(Reply(behaviour="after_commit"))
    assert isinstance(sink.send(told or message()), Unknown)
    return sink.recover(replace(told or message(), attempt=2))


@pytest.mark.parametrize("is_private", [False, True])
@pytest.mark.parametrize("most", [1, 7, 400])
def test_a_message_to_a_channel_by_name_is_found_whatever_page_the_channel_is_on(
    most: int, is_private: bool
) -> None:
    with FakeSlack(most=most) as fake:
        fake.add(*(Channel(f"C0MANY{number:04}", f"many-{number}") for number in range(most * 3)))
        fake.add(Channel("C0ARCHIVED", "noc", is_archived=True))
        fake.add(Channel("C0NETWORK1", "noc", is_private=is_private))
        found = accepted(lost(fake, "#noc"))
        assert len(fake.posts("C0NETWORK1")) == 1
        assert found.reference == {"#noc": f"C0NETWORK1/{fake.posts('C0NETWORK1')[0].ts}"}
        accepted(bot(fake, "#noc").send(told_again(found)))
        assert fake.posts("C0NETWORK1")[0].edits == 1


def test_a_message_to_a_person_is_found_in_the_conversation_with_him() -> None:
    with FakeSlack() as fake:
        assert accepted(lost(fake, "U0ADA1234")).note == "found, it had arrived"
        assert len(fake.posts("D0ADA1234")) == 1


def test_a_message_is_found_behind_a_thousand_others() -> None:
    with FakeSlack(most=100) as fake:
        sink = bot(fake)
        fake.script(Reply(behaviour="after_commit"))
        sink.send(message())
        (post,) = fake.posts()
        fake.channels[CHANNEL] += [
            replace(post, ts=f"{1_796_100_000 + number}.0", metadata={}) for number in range(1000)
        ]
        accepted(sink.recover(message(attempt=2)))
        assert len(fake.posts()) == 1001


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        ({"chat:write"}, "the scope channels:read"),
        ({"chat:write", "channels:read"}, "the scope channels:history"),
        (SCOPES - {"groups:read", "channels:history"}, "the scope channels:history"),
    ],
)
def test_a_bot_that_lacks_a_scope_says_which_and_tells_twice_rather_than_never(
    scopes: frozenset[str], said: str
) -> None:
    with FakeSlack(scopes=scopes) as fake:
        note = accepted(lost(fake, "#headroom")).note
        assert len(fake.posts()) == 2
        (concern,) = bot(fake, "#headroom").examine()
    assert said in note
    assert said in concern.found
    assert concern.fix
    assert not concern.is_hindrance


def test_a_public_channel_is_found_by_a_bot_that_may_not_list_private_ones() -> None:
    with FakeSlack(scopes=SCOPES - {"groups:read"}) as fake:
        accepted(lost(fake, "#headroom"))
        assert len(fake.posts()) == 1


@pytest.mark.parametrize(
    ("channel", "scopes", "said"),
    [
        ("#nowhere", SCOPES, "the bot sees no channel #nowhere"),
        ("#nowhere", SCOPES - {"groups:read"}, "Private channels could not be searched"),
        ("#old", SCOPES, "the channel #old is archived: unarchive it"),
        ("#was-called", SCOPES, "the channel #was-called is now called #now-called"),
        ("#secret", SCOPES, "the bot sees no channel #secret"),
        ("#stranger", SCOPES, "not_in_channel (invite the bot"),
        ("C0NOWHERE", SCOPES, "channel_not_found (the bot sees no such channel"),
    ],
)
def test_a_channel_that_cannot_be_written_to_is_explained_beforehand(
    channel: str, scopes: frozenset[str], said: str
) -> None:
    with FakeSlack(scopes=scopes) as fake:
        fake.add(
            Channel("C0OLDOLD01", "old", is_archived=True),
            Channel("C0RENAMED1", "now-called", previous_names=("was-called",)),
            Channel("C0SECRET01", "secret", is_private=True, is_member=False),
            Channel("C0STRANGER", "stranger", is_member=False),
        )
        (concern,) = bot(fake, channel).examine()
        assert isinstance(bot(fake, channel).send(message()), Refused)
    assert said in concern.found
    assert concern.is_hindrance
    assert TOKEN not in concern.found


def test_a_channel_that_is_ready_is_said_with_its_id_and_nobody_is_told() -> None:
    with FakeSlack() as fake:
        (concern,) = bot(fake, "#headroom").examine()
        assert fake.posts() == []
    assert concern.found.startswith(f"#headroom is {CHANNEL}")
    assert (concern.fix, concern.is_hindrance) == ("", False)


def test_a_wrong_token_is_explained_beforehand() -> None:
    with FakeSlack() as fake:
        (concern,) = bot(fake, token="xoxb-wrong").examine()
    assert "invalid_auth (create a new bot token" in concern.found
    assert concern.is_hindrance


@pytest.mark.parametrize(
    "reply",
    [
        Reply(429, headers={"Retry-After": "30"}),
        json_reply({"ok": False, "error": "ratelimited"}),
        Reply(503),
    ],
)
def test_a_list_that_slack_does_not_give_now_leaves_the_message_unknown(reply: Reply) -> None:
    with FakeSlack() as fake:
        fake.script(reply)
        outcome = bot(fake, "#headroom").recover(message())
        assert isinstance(outcome, Unknown)
        assert outcome.is_older
        assert outcome.after_seconds == (30 if reply.status == 429 else None)
        assert fake.posts() == []
        fake.script(reply)
        (concern,) = bot(fake, "#headroom").examine()
        assert (bool(concern.fix), concern.is_hindrance) == (True, False)


def test_a_channel_is_asked_for_once() -> None:
    with FakeSlack() as fake:
        sink = bot(fake, "#headroom")
        for number in (1, 2, 3):
            sink.recover(message(incident(), sequence=number))
        asked = [seen.path for seen in fake.requests]
    assert asked.count("/api/conversations.list") == 1


def test_a_search_that_fails_leaves_the_message_unknown() -> None:
    with FakeSlack() as fake:
        fake.script(Reply(503))
        assert isinstance(bot(fake).recover(message()), Unknown)
        assert fake.posts() == []


def test_an_update_without_an_answer_is_a_retry_because_updating_twice_is_updating_once() -> None:
    with FakeSlack() as fake:
        sink = bot(fake)
        first = accepted(sink.send(message()))
        fake.script(Reply(behaviour="after_commit"))
        assert isinstance(sink.send(told_again(first)), Retry)
        assert fake.replies() == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ratelimited", Retry),
        ("service_unavailable", Retry),
        ("internal_error", Unknown),
        ("fatal_error", Unknown),
        ("invalid_auth", Refused),
        ("not_in_channel", Refused),
        ("is_archived", Refused),
        ("channel_not_found", Refused),
        ("a_code_of_tomorrow", Refused),
    ],
)
def test_slack_says_no_with_status_200(code: str, expected: type) -> None:
    with FakeSlack() as fake:
        fake.script(json_reply({"ok": False, "error": code}))
        outcome = bot(fake).send(message())
    assert isinstance(outcome, expected)
    assert code in outcome.error  # type: ignore[union-attr]


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"[]", b"7"])
def test_the_page_of_a_proxy_is_no_acceptance(body: bytes) -> None:
    with FakeSlack() as fake:
        fake.script(Reply(200, body), Reply(200, body))
        assert isinstance(bot(fake).send(message()), Retry)
        assert isinstance(SlackWebhookSink("chat", Secret(fake.hook), IMPATIENT).send(message()), Retry)


def test_a_wrong_token_is_refused_without_being_shown() -> None:
    with FakeSlack() as fake:
        outcome = bot(fake, token="xoxb-wrong").send(message())
    assert outcome == Refused("Slack answered invalid_auth (create a new bot token, and set its variable)")


@pytest.mark.parametrize(
    ("token", "channel", "complaint"),
    [
        ("", CHANNEL, "a bot token is"),
        (f"{TOKEN}\n", CHANNEL, "a bot token is"),
        (TOKEN, "", "give a channel"),
        (TOKEN, "headroom", "no Slack channel"),
    ],
)
def test_a_bot_that_could_never_post_is_an_error_at_once(token: str, channel: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        SlackBotSink("chat", Secret(token), channel, "https://slack.example.com/api")
    assert TOKEN not in str(caught.value)


def test_a_webhook_posts_every_telling() -> None:
    with FakeSlack() as fake:
        sink = SlackWebhookSink("chat", Secret(fake.hook), IMPATIENT)
        assert accepted(sink.send(message())).reference == {}
        accepted(sink.send(told_again(Accepted())))
        first, second = fake.hooked
    assert first["text"] == "CRITICAL: Coverage is critical at Store 1"
    assert second["text"] == "CRITICAL, more sites: Coverage is critical at 3 sites"


def test_the_storm_of_300_sites_is_one_message_within_the_limits_that_lists_what_fits() -> None:
    with FakeSlack() as fake:
        accepted(bot(fake).send(message(incident(300))))
        [post] = fake.posts()
    shown = text_of(post.blocks)
    listed = sum(f"Store {number}:" in shown for number in range(1, 301))
    assert 60 < listed < 300
    assert f"… and {300 - listed} more" in shown
    assert "Store 1, Store 2, Store 3 and 297 more" in shown


def test_names_cannot_mention_command_or_format_beyond_their_place() -> None:
    where = site(1, "<!channel> <@U123> <https://evil.example|click> & co")
    about = incident(title=HOSTILE, cause=HOSTILE, alerts=(alert(where),), remediation=(HOSTILE,))
    blocks = incident_blocks(message(about))
    assert block_trouble(blocks) is None
    header, *rest = blocks
    shown = text_of(rest)
    # The header is plain text, in which Slack reads nothing.
    assert header["text"]["type"] == "plain_text"
    assert "<!channel>" not in shown
    assert "&lt;!channel&gt;" in shown
    assert "&lt;@U123&gt; &lt;https://evil.example|click&gt; &amp; co" in shown
    assert "\u202e" not in text_of(blocks)
    assert all(
        block["text"].get("verbatim") for block in blocks if block.get("text", {}).get("type") == "mrkdwn"
    )


names = st.text(max_size=200) | st.text(alphabet='&<>"\\\n\U0001f4a5', max_size=400)


@pytest.mark.slow
@given(
    name=names,
    text=names,
    sites=st.integers(min_value=0, max_value=400),
    steps=st.integers(min_value=0, max_value=10),
    is_over=st.booleans(),
)
def test_any_incident_is_within_the_limits(
    name: str, text: str, sites: int, steps: int, is_over: bool
) -> None:
    alerts = tuple(alert(site(number, name), summaries=(text,)) for number in range(sites))
    about = incident(2, title=text, cause=text, alerts=alerts, remediation=(text or "x",) * steps)
    told = message(resolved(about) if is_over else about, "more_sites", 2)
    assert block_trouble(incident_blocks(told)) is None
    assert block_trouble(incident_blocks(told, has_buttons=True)) is None
    assert block_trouble(change_blocks(told)) is None


@pytest.mark.parametrize(
    ("told", "names"),
    [
        (message(), ["acknowledge", "right", "wrong", "known", "planned"]),
        (message(resolved(incident(3)), "all_resolved", 3), ["right", "wrong", "known", "planned"]),
        (message(reason="digest"), []),
        (message(reason="test"), []),
    ],
    ids=["one that goes on", "one that is over", "a digest", "a test"],
)
def test_buttons_are_those_that_do_something(told: Message, names: list[str]) -> None:
    found = [one for block in buttons(told) for one in block["elements"]]
    assert [one["action_id"] for one in found] == [f"mist-pipeline:{name}" for name in names]
    assert {one["value"] for one in found} <= {told.incident.incident_id}


def test_the_answer_to_a_press_is_for_that_person_alone_and_replaces_nothing() -> None:
    with FakeSlack() as fake:
        fake.script(Reply(200, b"ok"), Reply(404, b"expired_url"))
        assert answer(f"{fake.url}/actions/1", "<!channel> & co") == ""
        assert answer(f"{fake.url}/actions/1", "x") == "HTTP 404"
        said = fake.requests[0].document()
    assert said == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": "&lt;!channel&gt; &amp; co",
    }
    assert "refused" in answer(f"{fake.url}/actions/1", "x")


def test_links_are_links_and_only_of_the_web() -> None:
    where = replace(site(1), url="javascript:alert(1)")
    about = incident(alerts=(alert(where),), report_url="https://reports.example.com/a|b>c<d?x=1&y=2")
    footer = text_of(incident_blocks(message(about))[-1])
    assert "javascript" not in footer
    assert "<https://reports.example.com/a%7Cb%3Ec%3Cd?x=1&amp;y=2|Report of the day>" in footer


def test_the_time_of_the_telling_is_shown_in_utc() -> None:
    assert "2026-11-23 04:25 UTC" in text_of(incident_blocks(message())[-1])
    assert START.hour == 4
