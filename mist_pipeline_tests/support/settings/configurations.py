"""Configurations of notifications as texts, what loads them, and the error that a wrong one gets."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from mist_pipeline.settings import Settings, SettingsError, load_settings

SECRETS = {
    "SMTP_PASSWORD": "s3cret-of-mail",
    "SLACK_TOKEN": "xoxb-s3cret-of-slack",
    "SLACK_SIGNING": "s3cret-of-buttons",
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
    "slack_buttons": "{type: slack, channel: C0123456, token_from: SLACK_TOKEN, signing_secret_from: SLACK_SIGNING}",
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

SINK = "config.yaml: notifications.sinks.x"

ROUTE = "config.yaml: notifications.routes[0]"

WINDOW = f"{ROUTE}.quiet_hours[0]"

STEP = "config.yaml: notifications.escalations.on call.steps[0]"

PLANNED = "config.yaml: notifications.maintenance[0]"

NO_TIME = 'is no time of day; write it as "19:40", HH:MM'


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
