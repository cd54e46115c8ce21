"""Alerts and notifications in the configuration: what works, and that every mistake is told when it loads.

A mistake in who is told shows at three in the morning, by silence. So each one is an error with the file or variable,
the key, and how to mend it; and none of them quotes a secret.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.delivery.tickets.servicenow.config import ServiceNowConfig
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.settings.sinks import KINDS
from mist_pipeline.settings.template import EXAMPLE

PROJECT = Path(__file__).parents[2]

SECRETS = {
    "SMTP_PASSWORD": "s3cret-of-mail",
    "SLACK_TOKEN": "xoxb-s3cret-of-slack",
    "SLACK_WEBHOOK": "https://hooks.slack.com/services/s3cret-of-hook",
    "PAGERDUTY_KEY": "s3cretofpagerduty",
    "PAGERDUTY_EAST": "s3cretofeast",
    "PAGERDUTY_SIGNING": "s3cret-of-signature",
    "WEBHOOK_URL": "https://example.com/s3cret-address",
    "WEBHOOK_KEY": "s3cret-key-of-webhook",
    "WEBHOOK_TOKEN": "s3cret-bearer",
    "JIRA_TOKEN": "s3cret-of-jira",
    "SERVICENOW_PASSWORD": "s3cret-of-servicenow",
    "TEAMS_URL": "json://127.0.0.1:9/s3cret-of-apprise",
}

SINKS = {
    "mail": "{type: mail, host: smtp.example.com, sender: mist@example.com, recipients: [noc@example.com]}",
    "relay": "{type: mail, host: smtp.example.com, sender: mist@example.com, recipients: [noc@example.com], "
    "username: mist, password_from: SMTP_PASSWORD}",
    "slack": '{type: slack, channel: "#network", token_from: SLACK_TOKEN}',
    "slack_webhook": "{type: slack_webhook, url_from: SLACK_WEBHOOK}",
    "pagerduty": "{type: pagerduty, routing_key_from: PAGERDUTY_KEY}",
    "pagers": "{type: pagerduty, routing_key_from: PAGERDUTY_KEY, others_from: {east: PAGERDUTY_EAST}, "
    "signing_keys_from: {main: PAGERDUTY_SIGNING}}",
    "webhook": "{type: webhook, url_from: WEBHOOK_URL, key_from: WEBHOOK_KEY}",
    "signed": "{type: webhook, url_from: WEBHOOK_URL, key_from: WEBHOOK_KEY, token_from: WEBHOOK_TOKEN}",
    "file": "{type: file}",
    "jira": "{type: jira, base_url: https://example.atlassian.net, project: NET, user: mist@example.com, "
    "token_from: JIRA_TOKEN}",
    "jira_own": "{type: jira, base_url: https://jira.example.com, project: NET, deployment: datacenter, "
    "token_from: JIRA_TOKEN}",
    "servicenow": "{type: servicenow, base_url: https://example.service-now.com, user: mist, "
    "token_from: SERVICENOW_PASSWORD}",
    "apprise": "{type: apprise, url_from: TEAMS_URL}",
}


def load(text: str, folder: Path, environment: Mapping[str, str] = SECRETS) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment)


def complaint(text: str, folder: Path, environment: Mapping[str, str] = SECRETS) -> str:
    """The error without the name of the folder."""
    with pytest.raises(SettingsError) as caught:
        load(text, folder, environment)
    return str(caught.value).replace(f"{folder}/", "")


def missetting(key: str, meant: str) -> str:
    """What is said of a misspelt key."""
    section = key.rpartition(".")[0]
    return f"config.yaml: there is no setting {key!r}; did you mean '{section}.{meant}'?"


def one_sink(**changes: str) -> str:
    """Notifications with a sink ``x`` of its minimal configuration, changed by ``type: keys``."""
    [(kind, change)] = changes.items()
    keys = {**yaml.safe_load(SINKS[kind]), **yaml.safe_load(change)}
    kept = {key: value for key, value in keys.items() if value != "GONE"}
    return yaml.safe_dump({"notifications": {"sinks": {"x": kept}}})


def with_sinks(rest: str) -> str:
    """Notifications with a mail, a chat, a pager and a ticket sink, and the rest as given."""
    return f"""
notifications:
  sinks:
    mail: {SINKS["mail"]}
    chat: {SINKS["slack"]}
    pager: {SINKS["pagers"]}
    desk: {SINKS["jira"]}
  {rest}
"""


def route(keys: str) -> str:
    return with_sinks(f"routes: [{{name: night, sinks: [chat], {keys}}}]")


def window(keys: str) -> str:
    return route(f"quiet_hours: [{{zone: Europe/Berlin, {keys}}}]")


def maintenance(keys: str) -> str:
    return with_sinks(f"maintenance: [{{name: updates, {keys}}}]")


def steps(keys: str, more: str = "") -> str:
    return with_sinks(f"escalations: {{on call: {{steps: [{{{keys}}}], {more}}}}}")


SINK = "config.yaml: notifications.sinks.x"
ROUTE = "config.yaml: notifications.routes[0]"
WINDOW = f"{ROUTE}.quiet_hours[0]"
STEP = "config.yaml: notifications.escalations.on call.steps[0]"
PLANNED = "config.yaml: notifications.maintenance[0]"
NO_TIME = 'is no time of day; write it as "19:40"'

WRONG_SINKS = {
    "no host": (one_sink(mail="host: GONE"), f"{SINK}.host: is missing: Mail server."),
    "empty host": (one_sink(mail="host: ''"), f"{SINK}: mail: give the server's host"),
    "no recipients": (one_sink(mail="recipients: GONE"), f"{SINK}.recipients: is missing: Addresses in To."),
    "nobody among recipients": (
        one_sink(mail="recipients: []"),
        f"{SINK}: mail: give at least one recipient",
    ),
    "recipients as a text": (
        one_sink(mail="recipients: a@example.com"),
        f"{SINK}.recipients: expected a list: [one, another]",
    ),
    "bad recipient": (
        one_sink(mail="recipients: [noc@example.com, noc]"),
        f"{SINK}: mail: recipient 'noc': not a mail address",
    ),
    "bad sender": (
        one_sink(mail="sender: Mist <a@b.de>"),
        f"{SINK}: mail: sender 'Mist <a@b.de>': not a mail",
    ),
    "password without user": (
        one_sink(mail="password_from: SMTP_PASSWORD"),
        f"{SINK}: mail: username and password belong together",
    ),
    "user without password": (one_sink(mail="username: mist"), "username and password belong together"),
    "password in the open": (one_sink(relay="security: none"), "use security starttls or tls"),
    "no such port": (
        one_sink(mail="port: 70000"),
        f"{SINK}: mail: give the server's host and a port between",
    ),
    "unknown security": (
        one_sink(mail="security: ssl"),
        f"{SINK}.security: Input should be 'starttls', 'tls' or 'none'",
    ),
    "no certificates there": (
        one_sink(mail="ca_file: /nowhere/ca.pem"),
        f"{SINK}: mail: there is no file of certificates at /nowhere/ca.pem",
    ),
    "no token": (one_sink(slack="token_from: GONE"), f"{SINK}.token_from: is missing: Variable with the bot"),
    "no channel": (one_sink(slack="channel: GONE"), f"{SINK}.channel: is missing: Id (C…), or name with #."),
    "no such channel": (one_sink(slack="channel: network"), "'network' is no Slack channel: give its id"),
    "no bot token": (
        one_sink(slack="token_from: SMTP_PASSWORD"),
        f"{SINK}: slack bot of x: a bot token is xoxb-",
    ),
    "no address of a webhook": (one_sink(slack_webhook="url_from: GONE"), f"{SINK}.url_from: is missing:"),
    "secret that is no address": (
        one_sink(slack_webhook="url_from: SLACK_TOKEN"),
        f"{SINK}: slack webhook of x: give a whole URL",
    ),
    "no routing key": (one_sink(pagerduty="routing_key_from: GONE"), f"{SINK}.routing_key_from: is missing:"),
    "routing key with a hyphen": (
        one_sink(pagerduty="routing_key_from: JIRA_TOKEN"),
        f"{SINK}: pagerduty of x: a routing key is letters and digits only",
    ),
    "another routing key with a hyphen": (
        one_sink(pagerduty="others_from: {east: JIRA_TOKEN}"),
        f"{SINK}: pagerduty of x, east: a routing key is letters",
    ),
    "no key of the signature": (one_sink(webhook="key_from: GONE"), f"{SINK}.key_from: is missing:"),
    "key too short": (
        one_sink(webhook="key_from: SHORT"),
        f"{SINK}: webhook of x: the key must have at least",
    ),
    "webhook without https": (
        one_sink(webhook="url_from: IN_THE_OPEN"),
        f"{SINK}: webhook of x: must be https",
    ),
    "no address of Jira": (one_sink(jira="base_url: GONE"), f"{SINK}.base_url: is missing: Address of the"),
    "Jira without https": (
        one_sink(jira="base_url: http://jira.example.com"),
        f"{SINK}: jira: base_url: must be https",
    ),
    "Jira's address with a password": (
        one_sink(jira="base_url: https://u:s3cret@jira.example.com"),
        "must not hold credentials",
    ),
    "no project": (one_sink(jira="project: GONE"), f"{SINK}.project: is missing: Key of the project."),
    "no such project": (one_sink(jira="project: NET-1"), f"{SINK}: jira: 'NET-1' is no project key"),
    "Jira Cloud without user": (
        one_sink(jira="user: GONE"),
        f"{SINK}.user: is missing: Jira Cloud takes an API token together with its mail address",
    ),
    "no priority of that name": (
        one_sink(jira="priorities: {high: 1}"),
        f"{SINK}.priorities.high: Input should be 'info', 'warning', 'major' or 'critical'",
    ),
    "label with a space": (one_sink(jira="labels: [a b]"), f"{SINK}: jira: 'a b' is no label"),
    "field that JSON does not know": (one_sink(jira="fields: {due: 2026-11-01}"), f"{SINK}.fields.due: "),
    "no address of ServiceNow": (one_sink(servicenow="base_url: GONE"), f"{SINK}.base_url: is missing:"),
    "ServiceNow without https": (
        one_sink(servicenow="base_url: http://example.service-now.com"),
        f"{SINK}: servicenow: base_url: must be https",
    ),
    "no such state": (
        one_sink(servicenow="states: {done: 3}"),
        f"{SINK}.states.done: Input should be 'new', 'in_progress'",
    ),
    "no such table": (one_sink(servicenow="table: Incident"), f"{SINK}: servicenow: 'Incident' is no table"),
    "templates that are not there": (
        one_sink(jira="templates: /nowhere/words"),
        f"{SINK}.templates: /nowhere/words is no folder; create it or leave the setting out",
    ),
    "address that Apprise does not know": (
        one_sink(apprise="url_from: SLACK_TOKEN"),
        f"{SINK}: apprise of x: Apprise knows no such address",
    ),
    "secret instead of a variable": (
        one_sink(slack="token_from: xoxb-s3cret"),
        f"{SINK}.token_from: is no name of a variable",
    ),
    "password instead of a variable": (
        one_sink(relay="password_from: s3cret"),
        f"{SINK}.password_from: is no name of a variable",
    ),
    "secret in the file": (
        one_sink(mail="password: s3cret"),
        missetting("notifications.sinks.x.password", "password_from"),
    ),
    "misspelt key": (
        one_sink(mail="prot: 25"),
        missetting("notifications.sinks.x.prot", "port"),
    ),
    "key of another type": (
        one_sink(file="zzz: 1"),
        "there is no setting 'notifications.sinks.x.zzz'; there are folder, type",
    ),
    "misspelt type": (
        one_sink(mail="type: mial"),
        f"{SINK}.type: 'mial' is no type of sink, did you mean 'mail'? there are "
        + ", ".join(str(kind.model_fields["type"].annotation.__args__[0]) for kind in KINDS),  # type: ignore[union-attr]
    ),
    "type like no other": (
        one_sink(mail="type: fax"),
        f"{SINK}.type: 'fax' is no type of sink; there are mail,",
    ),
    "no type": (one_sink(mail="type: GONE"), f"{SINK}.type: is missing: which kind of sink it is"),
    "a text as a sink": (
        "notifications: {sinks: {x: mail}}",
        f"{SINK}: expected keys with values: {{key: value}}",
    ),
    "a list of sinks": ("notifications: {sinks: [mail]}", "config.yaml: notifications.sinks: expected names"),
}

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
            "'19:40Z'",
            "'19:40+02:00'",
            "7pm",
            "true",
            "19.5",
            "[]",
        )
    },
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

WRONG_OTHERS = {
    "unknown kind of finding": (
        "alerts: {raises: {treshold: critical}}",
        "config.yaml: alerts.raises.treshold: is no kind of finding; did you mean 'threshold'?",
    ),
    "unknown severity of a kind": (
        "alerts: {raises: {threshold: high}}",
        "config.yaml: alerts.raises.threshold: Input should be 'info', 'warning', 'major', 'critical' or 'never'",
    ),
    "days that are none": ("alerts: {keep_days: 1}", "config.yaml: alerts.keep_days: "),
    "ledger of another database": (
        "alerts: {ledger: 'mysql://host/ledger'}",
        "config.yaml: alerts.ledger: is no database; write a path or postgresql://user@host/name",
    ),
    "ledger that is no address": ("alerts: {ledger: 'postgresql://[bad'}", "alerts.ledger: is no database"),
    "password of the ledger": (
        "alerts: {ledger: 'postgresql://u:s3cret@host/ledger'}",
        "config.yaml: alerts.ledger holds a password. Secrets come from the environment",
    ),
    "password of the ledger as an option": (
        "alerts: {ledger: 'postgresql://u@host/ledger?password=s3cret'}",
        "config.yaml: alerts.ledger holds a password. Secrets come from the environment",
    ),
    "reports without https": (
        "notifications: {reports_url: reports.example.com}",
        "config.yaml: notifications.reports_url: must be a whole web address",
    ),
    "console with a password": (
        "notifications: {dagster_url: 'https://u:s3cret@dagster.example.com'}",
        "config.yaml: notifications.dagster_url: must be a whole web address without user and password",
    ),
    "misspelt key": (
        "notifications: {rotues: []}",
        missetting("notifications.rotues", "routes"),
    ),
    "secrets in the file": (
        "secrets: {A: s3cret}",
        "config.yaml: `secrets` is no key of the file. Sinks name",
    ),
    "no remediation there": (
        "notifications: {remediation: /nowhere/own.yaml}",
        "config.yaml: notifications.remediation: /nowhere/own.yaml: cannot be read",
    ),
    "a key twice": (
        "notifications:\n  routes: []\n  sinks: {}\n  routes: []",
        "config.yaml, line 4, column 3: 'routes' stands there twice",
    ),
    "no YAML": ("notifications: [s3cret", "config.yaml, line 1, column 23: this is no YAML"),
    "a secret as an unknown alias": (
        "notifications: *s3cret",
        "config.yaml, line 1, column 16: this is no YAML",
    ),
    "a section that is none": ("notifications: [a]", "config.yaml: notifications: expected keys with values"),
}

WRONG = {
    f"{what}: {name}": row
    for what, table in {
        "sinks": WRONG_SINKS,
        "routes": WRONG_ROUTES,
        "windows": WRONG_WINDOWS,
        "escalations": WRONG_ESCALATIONS,
        "maintenance": WRONG_MAINTENANCE,
        "others": WRONG_OTHERS,
    }.items()
    for name, row in table.items()
}


@pytest.mark.parametrize(("text", "expected"), list(WRONG.values()), ids=list(WRONG))
def test_a_mistake_is_told_with_file_and_key_and_how_to_mend_it(
    text: str, expected: str, tmp_path: Path
) -> None:
    environment = {**SECRETS, "SHORT": "s3cret", "IN_THE_OPEN": "http://example.com/s3cret"}
    told = complaint(text, tmp_path, environment)
    assert expected in told
    assert all(line.startswith("config.yaml") for line in told.splitlines())
    assert "s3cret" not in told


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    told = complaint(route("goes_no: true, min_severity: high, match: 'zzz=1'"), tmp_path)
    assert len(told.splitlines()) == 3


@pytest.mark.parametrize("kind", SINKS)
def test_every_missing_variable_is_named_with_the_key_that_names_it(kind: str, tmp_path: Path) -> None:
    text = f"notifications: {{sinks: {{x: {SINKS[kind]}}}}}"
    named = {variable for variable in SECRETS if variable in SINKS[kind]}
    if not named:
        assert set(load(text, tmp_path, {}).sinks()) == {"x"}
        return
    told = complaint(text, tmp_path, {})
    line = re.compile(rf"{re.escape(SINK)}\.\w+_from(\.\w+)?: the variable (\w+) is not set, or empty")
    found = [line.match(one) for one in told.splitlines()]
    assert {one[2] for one in found if one} == named
    assert len(found) == len(named)
    # An empty variable is one that somebody forgot to fill.
    assert complaint(text, tmp_path, dict.fromkeys(named, "")) == told


def test_a_missing_variable_of_a_sink_from_the_environment_names_that_variable(tmp_path: Path) -> None:
    name = "MIST_PIPELINE__NOTIFICATIONS__SINKS"
    told = complaint("", tmp_path, {name: f"{{x: {SINKS['slack']}}}"})
    assert told.startswith(f"{name}: notifications.sinks.x.token_from: the variable SLACK_TOKEN is not set")


def test_what_does_not_go_together_names_all_who_say_it(tmp_path: Path) -> None:
    name = "MIST_PIPELINE__NOTIFICATIONS__SINKS__X__USERNAME"
    told = complaint(f"notifications: {{sinks: {{x: {SINKS['mail']}}}}}", tmp_path, {name: "mist"})
    assert told.startswith(f"config.yaml and {name}: notifications.sinks.x: mail: username and password")
    routes = "MIST_PIPELINE__NOTIFICATIONS__ROUTES"
    told = complaint(with_sinks(""), tmp_path, {**SECRETS, routes: "[{name: a, sinks: [chta]}]"})
    assert told.startswith(f"{routes}: notifications.routes[0].sinks[0]: 'chta' is not configured")


def test_a_bad_table_of_steps_is_named_with_the_place_in_it(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("metrics: {covrage: {steps: [Look.]}}", encoding="utf-8")
    told = complaint(with_sinks(f"remediation: {own}"), tmp_path)
    assert told == (
        "config.yaml: notifications.remediation: own.yaml: metrics.covrage: no known metric; did you mean coverage?"
    )


def test_a_template_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "ticket_critical.txt.j2").write_text("Summary\n{% if %}\n", encoding="utf-8")
    for kind in ("jira", "servicenow"):
        told = complaint(one_sink(**{kind: f"templates: {tmp_path / 'words'}"}), tmp_path)
        assert told.startswith(f"{SINK}.templates: words/ticket_critical.txt.j2, line 2: ")


def test_templates_of_ones_own_are_taken(tmp_path: Path) -> None:
    (tmp_path / "ticket_comment.txt.j2").write_text("Update: {{ headline }}\n", encoding="utf-8")
    assert load(one_sink(jira=f"templates: {tmp_path}"), tmp_path).sinks()["x"].name == "x"


def test_a_missing_library_is_told_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    told = complaint(one_sink(apprise="type: apprise"), tmp_path)
    assert told == f"{SINK}: needs the library Apprise: pip install 'mist-pipeline[apprise]'"


@pytest.mark.parametrize("kind", SINKS)
def test_every_sink_is_made_of_its_least_configuration(kind: str, tmp_path: Path) -> None:
    configured = load(f"notifications: {{sinks: {{x: {SINKS[kind]}}}}}", tmp_path)
    assert {name: sink.name for name, sink in configured.sinks().items()} == {"x": "x"}
    assert configured.notifications.tickets == (("x",) if kind in {"jira", "jira_own", "servicenow"} else ())


def test_every_type_of_sink_is_in_these_tests() -> None:
    types = {kind.model_fields["type"].annotation.__args__[0] for kind in KINDS}  # type: ignore[union-attr]
    assert types == {yaml.safe_load(keys)["type"] for keys in SINKS.values()}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("19:40", time(19, 40)),
        ("'19:40'", time(19, 40)),
        ("7:05", time(7, 5)),
        ("07:05", time(7, 5)),
        ("1:00", time(1)),
        ("0:30", time(0, 30)),
        ("00:00", time(0)),
        ("23:59", time(23, 59)),
        ("19:40:30", time(19, 40, 30)),
    ],
)
def test_a_time_of_day_may_go_unquoted_though_yaml_reads_some_in_base_60(
    written: str, expected: time, tmp_path: Path
) -> None:
    read = load(window(f"begins: {written}, lasts_hours: 11"), tmp_path)
    [taken] = read.notifications.routes
    assert taken.quiet_hours[0].begins == expected


@given(st.times(timezones=st.none()).map(lambda one: one.replace(second=0, microsecond=0)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
def test_every_minute_of_the_day_is_read_as_it_is_written(tmp_path: Path, clock: time) -> None:
    for written in (f"{clock:%H:%M}", f"{clock.hour}:{clock:%M}"):
        read = load(window(f"begins: {written}, until: '{written}'"), tmp_path)
        [quiet] = read.notifications.routes[0].quiet_hours
        assert quiet.begins == quiet.until == clock


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[]", []),
        ("[monday, sunday]", [0, 6]),
        ("[mo, tu, wed, Thurs, FRI]", [0, 1, 2, 3, 4]),
        ("[su, sa, sunday]", [5, 6]),
    ],
)
def test_weekdays_are_named_or_begun(written: str, expected: list[int], tmp_path: Path) -> None:
    read = load(window(f"begins: 19:40, lasts_hours: 1, weekdays: {written}"), tmp_path)
    assert read.notifications.routes[0].quiet_hours[0].weekday_numbers == expected


def test_a_recurring_maintenance_needs_no_end_and_one_with_an_end_no_window(tmp_path: Path) -> None:
    text = with_sinks(
        "maintenance: [{name: weekly, match: 'site_group=\"North\"', "
        "window: {begins: 02:00, until: 04:00, zone: Europe/Berlin, weekdays: [su]}}, "
        "{name: move, match: 'site=~\"Cologne.*\"', starts_at: 2026-11-23T18:00:00+01:00, ends_at: 2026-11-24T06:00:00Z}]"
    )
    weekly, move = load(text, tmp_path).notifications.planned_silences()
    assert weekly.is_active(datetime(2026, 11, 22, 1, 30, tzinfo=UTC))
    assert not weekly.is_active(datetime(2026, 11, 23, 1, 30, tzinfo=UTC))
    assert move.is_active(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    assert not move.is_active(datetime(2026, 11, 24, 6, 0, tzinfo=UTC))


def test_routes_and_escalations_become_what_alerts_take(tmp_path: Path) -> None:
    text = with_sinks(
        "routes: [{name: a, sinks: [chat, mail], min_severity: major, match: 'family!=\"roaming\"', goes_on: true, "
        "escalation: on call, group_wait_minutes: 2, group_interval_minutes: 10, repeat_after_hours: 4}]\n"
        "  escalations: {on call: {steps: [{after_minutes: 15, sink: pager}, {after_minutes: 30, sink: pager, to: east}], "
        "repeats: 2, repeat_every_minutes: 45, stops_when: resolved, expires_after_hours: 3}}"
    )
    told = load(text, tmp_path).notifications
    [taken] = told.routes
    assert (taken.sinks, taken.min_severity, taken.goes_on) == (("chat", "mail"), "major", True)
    assert [str(matcher) for matcher in taken.matchers] == ['family!="roaming"']
    assert (taken.group_wait, taken.group_interval) == (timedelta(minutes=2), timedelta(minutes=10))
    assert taken.repeat_after == timedelta(hours=4)
    policy = told.escalations["on call"]
    assert [(step.after_minutes, step.sink, step.to) for step in policy.steps] == [
        (15, "pager", ""),
        (30, "pager", "east"),
    ]
    assert (policy.repeats, policy.repeat_every_minutes) == (2, 45)
    assert (policy.stops_when, policy.expires_after) == ("resolved", timedelta(hours=3))


def test_ids_may_go_unquoted_and_severities_left_out_have_their_default(tmp_path: Path) -> None:
    text = """
notifications:
  sinks:
    desk: {type: servicenow, base_url: https://example.service-now.com, token_from: SERVICENOW_PASSWORD,
           impact_urgency: {critical: [2, 1]}, states: {resolved: 16}}
    jira: {type: jira, base_url: https://jira.example.com, deployment: datacenter, project: NET, token_from: JIRA_TOKEN,
           issue_type: 10002, priorities: {critical: 10001}}
"""
    sinks = load(text, tmp_path).notifications.sinks
    desk, jira = sinks["desk"], sinks["jira"]
    assert isinstance(desk, ServiceNowConfig)
    assert isinstance(jira, JiraConfig)
    assert desk.impact_urgency["critical"] == ("2", "1")
    assert set(desk.impact_urgency) == {"critical", "major", "warning", "info"}
    assert (desk.states["resolved"], desk.states["new"]) == ("16", "1")
    assert (jira.issue_type, jira.priorities) == ("10002", {"critical": "10001"})


def test_without_a_change_alerts_are_raised_as_was_measured_to_be_best() -> None:
    assert load_settings(environment={}).alerts.policy().rules == DEFAULT_RULES


def test_a_kind_of_finding_raises_alerts_as_configured(tmp_path: Path) -> None:
    policy = load("alerts: {raises: {threshold: critical, evidence: never}}", tmp_path).alerts.policy()
    assert policy.rule("threshold").alone == "critical"
    assert policy.rule("evidence").alone is None
    # Nothing else of a rule changes, nor any other rule.
    assert policy.rule("threshold").hold == DEFAULT_RULES["threshold"].hold
    untouched = {kind: rule for kind, rule in policy.rules.items() if kind not in {"threshold", "evidence"}}
    assert untouched == {kind: DEFAULT_RULES[kind] for kind in untouched}


def test_the_ledgers_password_may_come_from_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    address = "postgresql://mist:s3cret@db.example.com/ledger"
    configured = load("", tmp_path, {"MIST_PIPELINE__ALERTS__LEDGER": address})
    assert configured.ledger == address
    assert (
        "s3cret"
        not in f"{configured!r} {configured} {configured.model_dump()} {configured.model_dump_json()}"
    )
    wrong = complaint("", tmp_path, {"MIST_PIPELINE__ALERTS__LEDGER": "oracle://mist:s3cret@db/ledger"})
    assert wrong.startswith("MIST_PIPELINE__ALERTS__LEDGER: alerts.ledger: is no database")
    assert "s3cret" not in wrong


def test_a_ledger_without_password_may_stand_in_the_file(tmp_path: Path) -> None:
    address = "postgresql://mist@db.example.com/ledger"
    assert load(f"alerts: {{ledger: '{address}'}}", tmp_path).ledger == address
    assert load("alerts: {ledger: /var/lib/mist/ledger.db}", tmp_path).ledger == "/var/lib/mist/ledger.db"
    assert load("", tmp_path, {"MIST_PIPELINE_DATA": "d"}).ledger == Path("d/ledger.db")


def all_sinks() -> str:
    return f"notifications: {{sinks: {{{', '.join(f'{name}: {keys}' for name, keys in SINKS.items())}}}}}"


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    configured = load(all_sinks(), tmp_path)
    sinks = configured.sinks()
    inside = [repr(vars(sink)) for sink in sinks.values()]
    shown = f"{configured!r} {configured} {configured.model_dump()} {configured.model_dump_json()} {sinks} {inside}"
    assert "s3cret" not in shown


MARK = "Zq9Xw7Kj"


@given(secret=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@pytest.mark.parametrize("kind", [kind for kind, keys in SINKS.items() if "_from" in keys])
def test_no_error_quotes_a_secret_whatever_it_is(kind: str, secret: str, tmp_path: Path) -> None:
    text = f"notifications: {{sinks: {{x: {SINKS[kind]}}}}}"
    # Marked by what is in no error by chance.
    for value in (f"{MARK}{secret}", f"https://example.com/{MARK}{secret}", f"xoxb-{MARK}{secret}"):
        try:
            configured = load(text, tmp_path, dict.fromkeys(SECRETS, value))
        except SettingsError as error:
            shown = str(error)
        else:
            shown = f"{configured!r} {configured.sinks()!r}"
        assert MARK not in shown


@given(
    secret=st.from_regex(r"[a-z0-9][A-Za-z0-9_/+.-]{11,30}", fullmatch=True),
    key=st.sampled_from(["token_from", "url_from", "password_from", "routing_key_from", "key_from"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
def test_a_secret_in_place_of_its_variable_is_not_quoted(secret: str, key: str, tmp_path: Path) -> None:
    for sink in map(yaml.safe_load, SINKS.values()):
        if key in sink:
            told = complaint(
                yaml.safe_dump({"notifications": {"sinks": {"x": {**sink, key: secret}}}}), tmp_path
            )
            assert told.startswith(f"{SINK}.{key}: is no name of a variable")
            assert secret not in told


WHOLE = {
    "MIST_PIPELINE__NOTIFICATIONS__SINKS": f"{{chat: {SINKS['slack']}, pager: {SINKS['pagers']}}}",
    "MIST_PIPELINE__NOTIFICATIONS__ROUTES": "[{name: all, sinks: [chat], escalation: night, "
    "quiet_hours: [{begins: 19:40, lasts_hours: 11, zone: Europe/Berlin}]}]",
    "MIST_PIPELINE__NOTIFICATIONS__ESCALATIONS": "{night: {steps: [{after_minutes: 15, sink: pager, to: east}]}}",
    "MIST_PIPELINE__NOTIFICATIONS__MAINTENANCE": '[{name: move, match: "site=a", ends_at: 2026-11-24T06:00:00Z}]',
    "MIST_PIPELINE__NOTIFICATIONS__REPORTS_URL": "https://reports.example.com",
    "MIST_PIPELINE__ALERTS__RAISES": "{threshold: critical}",
    "MIST_PIPELINE__ALERTS__RAISES__TREND": "never",
    "MIST_PIPELINE__NOTIFICATIONS__SINKS__POST__TYPE": "file",
}


@pytest.mark.parametrize("turn", [list, reversed])
def test_everything_can_be_set_by_the_environment_in_any_order(turn: type[list[str]], tmp_path: Path) -> None:
    variables = {name: WHOLE[name] for name in turn(WHOLE)}
    configured = load("", tmp_path, {**SECRETS, **variables})
    told = configured.notifications
    assert set(configured.sinks()) == {"chat", "pager", "post"}
    assert told.routes[0].quiet_hours[0].begins == time(19, 40)
    assert told.escalations["night"].steps[0].to == "east"
    assert [one.silence_id for one in told.planned_silences()] == ["move"]
    assert told.reports_url == "https://reports.example.com"
    assert configured.alerts.raises == {"threshold": "critical", "trend": "never"}


def test_a_variable_replaces_what_the_file_says_and_its_errors_name_it(tmp_path: Path) -> None:
    name = "MIST_PIPELINE__NOTIFICATIONS__ROUTES"
    told = complaint(
        route("goes_on: true"), tmp_path, {**SECRETS, name: "[{name: a, sinks: [chat], goes_no: 1}]"}
    )
    assert told.startswith(f"{name}: there is no setting 'notifications.routes[0].goes_no'; did you mean")
    told = complaint(route("goes_on: true"), tmp_path, {**SECRETS, name: "[{name: a, sinks: "})
    assert told == f"{name}: notifications.routes: expected a list: [one, another]"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"config\.yaml: cannot be read as a text in UTF-8"):
        load_settings(path, {})


def examples() -> dict[str, str]:
    """Every piece of configuration that the documentation shows."""
    page = (PROJECT / "docs" / "notifications.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("#").removeprefix(" ") for line in EXAMPLE.splitlines()]
    template = "\n".join(lines[lines.index("notifications:") :])
    return {"template": template, **{f"block {number}": block for number, block in enumerate(blocks, 1)}}


@pytest.mark.parametrize("text", list(examples().values()), ids=list(examples()))
def test_every_example_of_the_documentation_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "remediation.yaml").write_text(
        "families: {collector: {steps: [Look at the proxy.]}}", "utf-8"
    )
    configured = load(
        text.replace("/etc/mist", str(tmp_path)), tmp_path, {**SECRETS, "PAGERDUTY_MANAGERS": "k3y"}
    )
    assert configured != load_settings(environment={})
    # Who is told is told by something, and every sink that is shown is used.
    told = configured.notifications
    routed = {sink for route in told.routes for sink in route.sinks}
    called = {step.sink for policy in told.escalations.values() for step in policy.steps}
    assert set(configured.sinks()) == routed | called


def test_the_documentation_shows_a_full_way() -> None:
    assert len(examples()) >= 6
