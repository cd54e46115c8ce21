"""The words of tickets, within what each system takes, whatever strangers type."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.delivery.tickets.jira.markup import TEXT_LIMIT, adf, adf_fits, clip, length, wiki
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates, TicketText, plain
from mist_pipeline_tests.support.delivery.messages import HOSTILE, alert, incident, message, site
from mist_pipeline_tests.support.delivery.ticket_systems import UnderTest, notify
from mist_pipeline_tests.support.fakes.fake_jira import is_adf

both_kinds = pytest.mark.parametrize("system", ["jira", "jira datacenter"], indirect=True)
jira = pytest.mark.parametrize("system", ["jira"], indirect=True)
every_dialect = pytest.mark.parametrize("system", ["jira", "jira datacenter", "servicenow"], indirect=True)
servicenow = pytest.mark.parametrize("system", ["servicenow"], indirect=True)


@both_kinds
def test_a_storm_lists_all_its_children_within_the_limits(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(300), "first", 1)
    notify(to, incident(300), "more_sites", 2, first)
    description, [comment] = system.description(system.only()), system.comments(system.only())
    assert all(f"Store {number}" in description for number in range(1, 301))
    assert all(f"Store {number}" in comment for number in range(1, 301))


@pytest.mark.slow
@both_kinds
def test_what_does_not_fit_is_counted(system: UnderTest) -> None:
    huge = replace(incident(), alerts=tuple(alert(site(n, f"{n:04d} " + "界" * 55)) for n in range(1500)))
    notify(system.sink(), huge, "first", 1)
    description = system.description(system.only())
    assert "0000 界" in description
    assert "… and 1," in description


@servicenow
def test_a_storm_stays_within_what_servicenow_would_cut_silently(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(300), "first", 1)
    notify(to, incident(300), "more_sites", 2, first)
    description, [note] = system.description(system.only()), system.comments(system.only())
    assert len(description) <= 4000
    # Nothing was cut silently: the last line is there.
    assert "follows the incident here. mist-delivery-" in description
    assert "Store 150" in description
    assert len(note) <= 4000


@servicenow
def test_more_words_than_a_record_takes_are_cut_at_a_line(system: UnderTest) -> None:
    notify(system.sink(), incident(remediation=("word " * 120,) * 20), "first", 1)
    description = system.description(system.only())
    assert len(description) <= 4000
    assert description.endswith("… (shortened)")


@jira
def test_own_templates_are_taken_and_more_words_than_an_issue_takes_are_cut_at_a_line(
    system: UnderTest, tmp_path: Path
) -> None:
    (tmp_path / "ticket_critical.txt.j2").write_text("Own: {{ headline }}\n" + "Words words words\n" * 3000)
    to = system.sink(templates=TicketTemplates(tmp_path))
    first = notify(to, incident(), "first", 1)
    assert system.summary(system.only()) == "Own: CRITICAL: Coverage is critical at Store 1"
    assert system.description(system.only()).endswith('… (shortened)"}]}]}')
    # What the folder lacks comes with the package.
    notify(to, incident(2), "more_sites", 2, first)
    assert "More sites are hit" in system.comments(system.only())[0]


def test_a_folder_of_templates_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        TicketTemplates(tmp_path / "nowhere")


@jira
def test_a_title_longer_than_a_summary_may_be_is_clipped(system: UnderTest) -> None:
    notify(system.sink(), incident(title="𝔘" * 400), "first", 1)
    summary = system.summary(system.only())
    assert summary.endswith("…")
    assert length(summary) <= 255


@every_dialect
def test_a_name_typed_by_a_stranger_stays_a_name(system: UnderTest) -> None:
    name = f"{HOSTILE} {{html}}x{{html}} [~admin] !http://x/y.png! h1. big [code]<b>x</b>[/code] [ CODE ]"
    hostile = replace(incident(title=name, cause=name), alerts=(alert(site(1, name), summaries=(name,)),))
    to = system.sink()
    first = notify(to, hostile, "first", 1)
    notify(to, hostile, "more_sites", 2, first)
    description, [comment] = system.description(system.only()), system.comments(system.only())
    assert "\n" not in system.summary(system.only())
    assert "\u202e" not in system.summary(system.only()) + description + comment
    if system.name == "servicenow":
        # In a work note, [code] would switch on HTML.
        assert not re.search(r"\[\s*/?\s*code", comment, re.IGNORECASE)
    elif system.fake.kind == "datacenter":  # type: ignore[union-attr]
        for text in (json.loads(description), json.loads(comment)):
            assert "{html}" not in text.replace("\\{html\\}", "")
            assert "[~admin]" not in text.replace("\\[\\~admin\\]", "")
            assert "!http" not in text.replace("\\!http", "")


def test_a_text_node_is_never_empty_and_a_line_is_one_paragraph_line() -> None:
    document = adf("# Head\n\none\ntwo\n- a\n- b\nsee \x02label\x1fhttps://example.com/\x03 after")
    content = document["content"]
    assert isinstance(content, list)
    assert [block["type"] for block in content] == ["heading", "paragraph", "bulletList", "paragraph"]
    assert '"text": ""' not in json.dumps(document)
    assert length("𝔘") == 2
    assert TEXT_LIMIT == 32_767


@pytest.mark.slow
@given(
    names=st.lists(st.text(max_size=80), max_size=5), title=st.text(max_size=300), url=st.text(max_size=40)
)
def test_whatever_strangers_type_becomes_a_document_that_jira_takes(
    names: list[str], title: str, url: str
) -> None:
    def rendered(names: list[str], title: str) -> tuple[TicketText, str]:
        sites = [replace(site(number, name), url=url) for number, name in enumerate(names)]
        about = incident(title=title, alerts=tuple(alert(where, summaries=(where.name,)) for where in sites))
        templates = TicketTemplates()
        comment = templates.comment(message(about, "more_sites", 2), adf_fits)
        return templates.ticket(message(about), adf_fits), comment

    ticket, comment = rendered(names, title)
    harmless_ticket, harmless_comment = rendered(["Store"] * len(names), "Trouble")
    for text, harmless in ((ticket.body, harmless_ticket.body), (comment, harmless_comment)):
        assert is_adf(json.loads(json.dumps(adf(text))))
        assert adf_fits(text)
        assert not re.search(r"(?<!\\)[{\[]", re.sub(r"https?://\S+", "", wiki(text)))
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", plain(text))
        # Nobody's name adds a line.
        assert text.count("\n") == harmless.count("\n")
    assert len(ticket.summary.splitlines()) == 1
    assert length(clip(ticket.summary, 255)) <= 255


TOKEN = "the-token-of-somebody"
ESCAPES = {
    "globals of a function": "{{ link.__globals__ }}",
    "the environment": "{{ link.__globals__['__builtins__']['__import__']('os').environ }}",
    "a command": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "a command by another global": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "every class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "every class by a filter": "{{ ''|attr('__class__')|attr('__mro__') }}",
    "every class by an item": "{{ ()['__class__']['__base__'] }}",
    "a name that is put together": "{{ ''|attr('__cl' ~ 'ass__') }}",
    "a name in escapes": r"{{ ''|attr('\x5f\x5fclass\x5f\x5f') }}",
    "a format": "{{ '{0.__class__.__mro__}'.format(headline) }}",
    "a format by a filter": "{{ (('{0.__class__}'|attr('format'))(headline)) }}",
    "a format of a map": "{{ '{a.__class__}'.format_map({'a': headline}) }}",
    "a format that is handed on": "{% for one in ['{0.__class__}']|map('attr', 'format') %}{{ one(headline) }}{% endfor %}",
    "the template itself": "{{ self.__init__.__globals__ }}",
    "the template's frame": "{{ self._TemplateReference__context.environment }}",
    "a generator's frame": "{{ (headline for headline in [1]).gi_frame }}",
    "an import": "{% import 'os' as os %}{{ os.environ }}",
    "a file": "{% include '../../../../../../etc/passwd' %}",
    "a change of what it is given": "{% set _ = steps.append('x') %}{% set _ = facts.clear() %}{{ steps.pop() }}",
    "a range without an end": "{% for _ in range(999999999) %}{% endfor %}",
    "more than the memory": "{{ 'x' * 10 ** 17 }}",
    "a call of itself": "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "a call of a class": "{{ headline.__class__('x') }}",
    "no escape but a slip": "{{ headlnie }}",
    "a division by nothing": "{{ 1 / 0 }}",
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_template_of_a_user_reads_nothing_but_what_it_is_given_and_the_incident_is_told_all_the_same(
    escape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIST_API_TOKEN", TOKEN)
    for name in ("ticket_critical.txt.j2", "ticket_comment.txt.j2"):
        (tmp_path / name).write_text(f"Mine\n{escape}\n", encoding="utf-8")
    templates = TicketTemplates(tmp_path)
    ticket = templates.ticket(message(incident()), lambda _: True)
    comment = templates.comment(message(incident(), "more_sites", 2), lambda _: True)
    for said in (f"{ticket.summary}\n{ticket.body}", comment):
        for leaked in (TOKEN, "root:", "uid=", "<class", "<module", "{0.", "<generator", "<frame"):
            assert leaked not in said
        assert "These are the usual words: your template ticket_" in said
    assert ticket.summary == "CRITICAL: Coverage is critical at Store 1"


def test_the_note_about_a_template_that_fails_fits_into_the_ticket(tmp_path: Path) -> None:
    (tmp_path / "ticket_critical.txt.j2").write_text("Mine\n{{ nothing }}", encoding="utf-8")
    ticket = TicketTemplates(tmp_path).ticket(message(incident(300)), lambda body: len(body) <= 4000)
    assert len(ticket.body) <= 4000
    assert ticket.body.endswith("failed (UndefinedError: 'nothing' is undefined).")


def test_templates_of_users_may_do_what_templates_do(tmp_path: Path) -> None:
    (tmp_path / "ticket_critical.txt.j2").write_text(
        "{% extends 'ticket_base.txt.j2' %}{% block summary %}Own: {{ headline|upper|truncate(20) }}{% endblock %}",
        encoding="utf-8",
    )
    (tmp_path / "ticket_comment.txt.j2").write_text(
        "Sum: {{ [1, 2]|sum }} {{ '%s-%s'|format('a', 'b') }} {{ '{:>3}'.format(7) }} {{ headline.lower() }} {{ mark }}",
        encoding="utf-8",
    )
    templates = TicketTemplates(tmp_path)
    assert "failed" not in templates.ticket(message(incident()), lambda _: True).body
    assert templates.comment(message(incident()), lambda _: True).startswith(
        "Sum: 3 a-b 7 critical: coverage"
    )
