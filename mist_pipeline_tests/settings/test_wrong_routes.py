"""Routes, windows, escalations and planned silences that are configured wrongly.

A mistake in who is notified would only show at three in the morning, by silence. So each one is an error when it loads.
"""

from pathlib import Path

import pytest

from mist_pipeline_tests.support.settings.configurations import (
    NO_TIME,
    PLANNED,
    ROUTE,
    SECRETS,
    STEP,
    WINDOW,
    complaint,
    maintenance,
    missetting,
    route,
    steps,
    window,
    with_sinks,
)

WRONG_ROUTES = {
    "unknown sink": (
        with_sinks("routes: [{name: a, sinks: [mail, chta]}]"),
        f"{ROUTE}.sinks[1]: 'chta' is not configured; did you mean 'chat'?",
    ),
    "a sink like no other": (
        with_sinks("routes: [{name: a, sinks: [telegram]}]"),
        f"{ROUTE}.sinks[0]: 'telegram' is not configured; there are chat, desk, mail, pager",
    ),
    "no sink at all": (
        "notifications: {routes: [{name: a, sinks: [x]}]}",
        f"{ROUTE}.sinks[0]: 'x' is not configured; there are none",
    ),
    "no sinks": (with_sinks("routes: [{name: a, sinks: []}]"), f"{ROUTE}.sinks: give at least one"),
    "no name": (with_sinks("routes: [{sinks: [mail]}]"), f"{ROUTE}.name: is missing: For people."),
    "empty name": (with_sinks("routes: [{name: '', sinks: [mail]}]"), f"{ROUTE}.name: must not be empty"),
    "two of one name": (
        with_sinks("routes: [{name: a, sinks: [mail]}, {name: b, sinks: [mail]}, {name: a, sinks: [chat]}]"),
        "config.yaml: notifications.routes[2].name: 'a' is taken; every one has a name of its own",
    ),
    "unknown escalation": (
        with_sinks(
            "routes: [{name: a, sinks: [mail], escalation: on cal}]\n"
            "  escalations: {on call: {steps: [{after_minutes: 5, sink: pager}]}}"
        ),
        f"{ROUTE}.escalation: 'on cal' is not configured; did you mean 'on call'?",
    ),
    "no escalation at all": (
        route("escalation: on call"),
        f"{ROUTE}.escalation: 'on call' is not configured",
    ),
    "quiet hours of tickets": (
        with_sinks(
            "routes: [{name: a, sinks: [mail, desk], quiet_hours: [{begins: '19:40', until: '06:40', zone: UTC}]}]"
        ),
        f"{ROUTE}.quiet_hours: end with a digest, which cannot become one ticket of 'desk'; give tickets a route",
    ),
    "misspelt key": (
        route("goes_no: true"),
        missetting("notifications.routes[0].goes_no", "goes_on"),
    ),
    "unknown severity": (
        route("min_severity: high"),
        f"{ROUTE}.min_severity: Input should be 'info', 'warning'",
    ),
    "bad matcher": (
        route("match: 'site_group~North'"),
        f"{ROUTE}.match: no matcher at 'site_group~North' of 'site_group~North'; write label=\"value\"",
    ),
    "bad regular expression": (route("match: 'site=~\"(\"'"), f'{ROUTE}.match: matcher site=~"("'),
    "unknown label": (
        route("match: 'site_gruop=\"North\"'"),
        f"{ROUTE}.match: 'site_gruop' is no label; did you mean 'site_group'?",
    ),
    "label like no other": (
        route("match: 'zzz=1'"),
        f"{ROUTE}.match: 'zzz' is no label; there are classifier, country, family,",
    ),
    "endless wait": (route("group_wait_minutes: .inf"), f"{ROUTE}.group_wait_minutes: "),
    "wait that is no number": (route("group_wait_minutes: .nan"), f"{ROUTE}.group_wait_minutes: "),
    "endless pause": (route("repeat_after_hours: .inf"), f"{ROUTE}.repeat_after_hours: "),
    "one route, no list": (
        with_sinks("routes: {name: a, sinks: [mail]}"),
        "notifications.routes: expected a list",
    ),
}

WRONG_WINDOWS = {
    "unknown zone": (
        route("quiet_hours: [{begins: '19:40', until: '06:40', zone: Europe/Berln}]"),
        f"{WINDOW}.zone: 'Europe/Berln' is no IANA time zone; did you mean 'Europe/Berlin'?",
    ),
    "zone like no other": (
        route("quiet_hours: [{begins: '19:40', until: '06:40', zone: '???'}]"),
        f"{WINDOW}.zone: '???' is no IANA time zone; write it as Europe/Berlin",
    ),
    "no zone": (
        route("quiet_hours: [{begins: '19:40', until: '06:40'}]"),
        f"{WINDOW}.zone: is missing: IANA zone of that clock.",
    ),
    "two ends": (
        window("begins: '19:40', until: '06:40', lasts_hours: 11"),
        f"{WINDOW}: needs `until` or `lasts_hours`, not both",
    ),
    "no end": (window("begins: '19:40'"), f"{WINDOW}: needs `until` or `lasts_hours`, one of them"),
    "no beginning": (window("until: '19:40'"), f"{WINDOW}.begins: is missing:"),
    "longer than a week": (window("begins: '19:40', lasts_hours: 169"), f"{WINDOW}.lasts_hours: "),
    "no length": (window("begins: '19:40', lasts_hours: 0"), f"{WINDOW}.lasts_hours: "),
    "no weekday": (
        window("begins: '19:40', lasts_hours: 1, weekdays: [monday, funday]"),
        f"{WINDOW}.weekdays[1]: 'funday' is no weekday; use monday, tuesday,",
    ),
    "one of two weekdays": (window("begins: '19:40', lasts_hours: 1, weekdays: [t]"), "'t' is no weekday"),
    "last day before the first": (
        window("begins: '19:40', lasts_hours: 1, first_day: 2026-11-02, last_day: 2026-11-01"),
        f"{WINDOW}: would never begin: 2026-11-01 is before 2026-11-02",
    ),
    "misspelt key": (
        window("begins: '19:40', last_hours: 1"),
        missetting("notifications.routes[0].quiet_hours[0].last_hours", "lasts_hours"),
    ),
    **{
        f"{clock} as a time": (window(f"begins: {clock}, lasts_hours: 1"), f"{WINDOW}.begins: {NO_TIME}")
        for clock in (
            "24:00",
            "'24:00'",
            "25:00",
            "19",
            "1940",
            "0",
            "600",
            "800",
            "0800",
            "70800",
            "'19:40Z'",
            "'19:40+02:00'",
            "7pm",
            "true",
            "19.5",
            "[]",
        )
    },
    "a number as the end": (window("begins: 08:00, until: 800"), f"{WINDOW}.until: {NO_TIME}"),
}

WRONG_ESCALATIONS = {
    "unknown sink": (
        steps("after_minutes: 5, sink: pagre"),
        f"{STEP}.sink: 'pagre' is not configured; did you mean 'pager'?",
    ),
    "unknown recipient of a pager": (
        steps("after_minutes: 5, sink: pager, to: west"),
        f"{STEP}.to: 'west' is no PagerDuty service of pager (east)",
    ),
    "unknown recipient of a mail": (
        steps("after_minutes: 5, sink: mail, to: boss"),
        f"{STEP}.to: 'boss': not a mail address",
    ),
    "unknown recipient of a chat": (
        steps("after_minutes: 5, sink: chat, to: boss"),
        f"{STEP}.to: 'boss' is no Slack",
    ),
    "recipient of a ticket": (
        steps("after_minutes: 5, sink: desk, to: somebody"),
        f"{STEP}.to: a ticket has no recipient: leave it out of the step",
    ),
    "misspelt key": (
        steps("after_minute: 5, sink: pager"),
        missetting("notifications.escalations.on call.steps[0].after_minute", "after_minutes"),
    ),
    "misspelt key of the escalation": (
        steps("after_minutes: 5, sink: pager", "repeat: 2"),
        missetting("notifications.escalations.on call.repeat", "repeats"),
    ),
    "no steps": (
        with_sinks("escalations: {on call: {steps: []}}"),
        "config.yaml: notifications.escalations.on call.steps: give at least one",
    ),
    "steps out of order": (
        steps("after_minutes: 15, sink: pager}, {after_minutes: 5, sink: mail"),
        "config.yaml: notifications.escalations.on call.steps: must stand in order of after_minutes",
    ),
    "a step after the end": (
        steps("after_minutes: 90, sink: pager", "expires_after_hours: 1"),
        f"{STEP}.after_minutes: would never be told: expires_after_hours is 1",
    ),
    "repetitions without a period": (
        steps("after_minutes: 5, sink: pager", "repeats: 2"),
        "on call.repeat_every_minutes: must be given with repeats, and exceed the last step's 5 minutes",
    ),
    "repetitions that overlap": (
        steps("after_minutes: 5, sink: pager", "repeats: 2, repeat_every_minutes: 5"),
        "on call.repeat_every_minutes: must be given with repeats, and exceed",
    ),
    "a period without repetitions": (
        steps("after_minutes: 5, sink: pager", "repeat_every_minutes: 30"),
        "on call.repeats: says how often; without it, repeat_every_minutes does nothing",
    ),
    "a step that never comes": (steps("after_minutes: .inf, sink: pager"), f"{STEP}.after_minutes: "),
}

WRONG_MAINTENANCE = {
    "no end": (
        maintenance("match: 'site=\"a\"'"),
        f"{PLANNED}: would never end; give it `ends_at`, or a `window` that comes again",
    ),
    "an end before the start": (
        maintenance("match: 'site=\"a\"', starts_at: 2026-11-02T00:00:00Z, ends_at: 2026-11-01T00:00:00Z"),
        f"{PLANNED}.ends_at: is not after starts_at, 2026-11-02T00:00:00+00:00",
    ),
    "an instant without zone": (
        maintenance("match: 'site=\"a\"', ends_at: 2026-11-01 02:00:00"),
        f"{PLANNED}.ends_at: needs its zone, as in 2026-11-01T02:00:00+01:00",
    ),
    "no matcher": (maintenance("ends_at: 2026-11-01T00:00:00Z"), f"{PLANNED}.match: is missing:"),
    "an empty matcher": (
        maintenance("match: ' ', ends_at: 2026-11-01T00:00:00Z"),
        f"{PLANNED}.match: must not be empty: everything would be silent",
    ),
    "unknown label": (
        maintenance("match: 'contry=\"DE\"', ends_at: 2026-11-01T00:00:00Z"),
        f"{PLANNED}.match: 'contry' is no label; did you mean 'country'?",
    ),
    "a number as a time of its window": (
        maintenance("match: 'site=a', window: {begins: 600, lasts_hours: 2, zone: UTC}"),
        f"{PLANNED}.window.begins: {NO_TIME}",
    ),
    "unknown zone of its window": (
        maintenance("match: 'site=a', window: {begins: '02:00', lasts_hours: 2, zone: CETT}"),
        f"{PLANNED}.window.zone: 'CETT' is no IANA time zone; did you mean 'CET'?",
    ),
    "two of one name": (
        with_sinks(
            "maintenance: [{name: a, match: 'site=a', ends_at: 2026-11-01T00:00:00Z}, "
            "{name: a, match: 'site=b', ends_at: 2026-11-01T00:00:00Z}]"
        ),
        "config.yaml: notifications.maintenance[1].name: 'a' is taken",
    ),
}

WRONG = {
    **{f"routes: {name}": row for name, row in WRONG_ROUTES.items()},
    **{f"windows: {name}": row for name, row in WRONG_WINDOWS.items()},
    **{f"escalations: {name}": row for name, row in WRONG_ESCALATIONS.items()},
    **{f"maintenance: {name}": row for name, row in WRONG_MAINTENANCE.items()},
}


@pytest.mark.parametrize(("text", "expected"), list(WRONG.values()), ids=list(WRONG))
def test_a_mistake_is_reported_with_file_and_key_and_how_to_fix_it(
    text: str, expected: str, tmp_path: Path
) -> None:
    environment = {**SECRETS, "SHORT": "s3cret", "IN_THE_OPEN": "http://example.com/s3cret"}
    told = complaint(text, tmp_path, environment)
    assert expected in told
    assert all(line.startswith("config.yaml") for line in told.splitlines())
    assert "s3cret" not in told


def test_everything_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    told = complaint(route("goes_no: true, min_severity: high, match: 'zzz=1'"), tmp_path)
    assert len(told.splitlines()) == 3
