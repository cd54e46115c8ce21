"""Matchers that exclude one another are refused before anybody relies on them; what may come true is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.notify.config import matchers_of
from mist_pipeline.alerts.notify.contradictions import contradiction
from mist_pipeline.alerts.notify.fixed_values import KINDS_TOGETHER
from mist_pipeline.alerts.notify.matchers import LABELS, Labels, Matcher, all_match, parse_matchers
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.domain.severity import SEVERITIES


@pytest.mark.parametrize(
    "text",
    [
        "site=A,site!=A",
        "site_group!=North,site_group=North",
        'site=A,site!~"A|B"',
        'site=~"A.*",site!~"A.*"',
        "site_id=s1,site_id=s2",
        'country=DE,country=~"FR|IT"',
        "severity=major,severity=critical",
        "scope=site,severity=major,scope=pipeline",
        "scope=pipeline,site=A",
        "site_group=North,family=pipeline:daily",
        "site=A,family=pipeline:delivery:chat",
        "kind=pipeline,metric=coverage",
        "kind=pipeline,scope=infrastructure",
        "family=wan,metric=coverage",
        'family=~"wan|radio",metric=throughput,scope=pipeline',
        'scope=pipeline,family!~"pipeline:.*"',
    ],
)
def test_what_excludes_one_another_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no alert fulfils both"):
        matchers_of(text)


@pytest.mark.parametrize(
    "text",
    [
        # A site has a name as it is typed and as it is shown, and may be in both groups.
        "site=A,site=B",
        "site_group=North,site_group=South",
        'site=A,site=~"B.*"',
        "site=A,site_group=North",
        "site=A,site!=B",
        "kind=evidence,kind=baseline",
        "scope=pipeline,family=pipeline:disk",
        'scope=pipeline,family=~"pipeline:disk|radio"',
        'scope=pipeline,family=~"pipeline:delivery:(chat|mail)"',
        "scope=pipeline,family=pipeline:delivery:still-to-come",
        'scope=pipeline,site!~".+"',
        "scope=pipeline,site!=A",
        "family=radio,metric=coverage",
        "family!=radio,metric=throughput",
        "family=device,kind=site_down,site=A",
        "family=nobody-knows,scope=site",
        "severity=major,severity!=critical",
    ],
)
def test_what_may_come_true_is_accepted(text: str) -> None:
    assert matchers_of(text) == parse_matchers(text)


def test_the_sentence_names_the_two_and_how_to_say_either() -> None:
    assert contradiction(parse_matchers("scope=site,country=DE,country=FR")) == (
        'no alert fulfils both country="DE" and country="FR"; for either of them write country=~"DE|FR"'
    )


NAMES = st.sampled_from(["", "A", "B", "AB"])
OF_SITES = st.fixed_dictionaries(
    {
        **{name: NAMES.map(lambda value: (value,)) for name in ("site_id", "country", "classifier")},
        **{
            name: st.lists(NAMES, min_size=1, max_size=2).map(tuple)
            for name in ("site", "site_group", "model", "firmware", "template")
        },
        "severity": st.sampled_from(SEVERITIES).map(lambda value: (value,)),
    }
)
METRICS = st.sampled_from([*CATALOGUE.values()])


@st.composite
def alerts(draw: st.DrawFn) -> Labels:
    """Labels that an alert may have."""
    metric = draw(METRICS)
    return {
        **draw(OF_SITES),
        "metric": (metric.name,),
        "family": (metric.family,),
        "kind": KINDS_TOGETHER[-1],
        "scope": (draw(st.sampled_from(["site", "infrastructure"])),),
    }


@st.composite
def matchers(draw: st.DrawFn) -> Matcher:
    labels = draw(alerts())
    label = draw(st.sampled_from(LABELS))
    value = draw(st.sampled_from(labels[label]))
    operator = draw(st.sampled_from(["=", "!=", "=~", "!~"]))
    return Matcher(label, operator, draw(st.sampled_from([value, f"{value}|B", ".*"])))


@given(alert=alerts(), wanted=st.lists(matchers(), min_size=1, max_size=3))
def test_what_an_alert_fulfils_is_no_contradiction(alert: Labels, wanted: list[Matcher]) -> None:
    if all_match(wanted, alert):
        assert contradiction(wanted) == ""
