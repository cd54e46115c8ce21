"""The configuration as a commented file and as a page of the documentation, both made from the model."""

from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import PlannedSilence
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.delivery.discovery import sink_configs
from mist_pipeline.settings.model import Bands, Settings

EXAMPLE = """\
# An example of notifications; docs/notifications.md explains every key.
#
# notifications:
#   sinks:
#     mail: {type: mail, host: smtp.example.com, sender: mist@example.com, recipients: [noc@example.com],
#            username: mist, password_from: SMTP_PASSWORD}
#     chat: {type: slack, channel: "#network", token_from: SLACK_TOKEN}
#     pager: {type: pagerduty, routing_key_from: PAGERDUTY_KEY}
#     desk: {type: jira, base_url: https://example.atlassian.net, project: NET, user: mist@example.com, token_from: JIRA_TOKEN}
#   routes:
#     - {name: tickets, sinks: [desk], min_severity: major, goes_on: true}
#     - {name: critical, sinks: [chat, mail], min_severity: critical, escalation: on call}
#     - name: everything else
#       sinks: [chat]
#       quiet_hours: [{begins: "19:40", lasts_hours: 11, zone: Europe/Berlin}]
#   escalations:
#     on call: {steps: [{after_minutes: 15, sink: pager}], repeats: 2, repeat_every_minutes: 30}
#   maintenance:
#     - {name: Sunday updates, match: 'site_group="North"', window: {begins: "02:00", until: "04:00", zone: Europe/Berlin,
#        weekdays: [sunday]}}
"""


def template() -> str:
    """A commented configuration file with every key at its default."""
    lines = [
        "# Configuration of mist_pipeline. Every key is optional; what stands here are the defaults.",
        "# Secrets do not belong here: MIST_API_TOKEN comes from the environment, and sinks name variables that hold theirs.",
        "# Any key can be given as an environment variable: MIST_PIPELINE__SECTION__KEY, which wins over this file.",
    ]
    for section, field in Settings.model_fields.items():
        if field.exclude:
            continue
        lines.append("")
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            lines += [f"# {field.description}", f"{section}:"]
            lines += [
                "  default:",
                *(f"    {name}: {_default(one)}" for name, one in Bands.model_fields.items()),
            ]
            continue
        lines += [f"# {_about(field.annotation)}", f"{section}:"]
        for name, one in field.annotation.model_fields.items():
            lines += [f"  # {one.description}", f"  {name}: {_default(one)}"]
    return "\n".join(lines) + "\n\n" + EXAMPLE


def _default(field: FieldInfo) -> str:
    return _yaml(field.get_default(call_default_factory=True))


def _yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def configuration_page() -> str:
    """``docs/configuration.md``: every key with its default and meaning."""
    lines = [
        "# Configuration",
        "",
        "Made from `mist_pipeline/settings` by `make docs`; a test keeps it current.",
        "",
        "`mist-pipeline init` makes the data folder and a commented `config/config.yaml`. Every key is optional. Any key can be given as an",
        "environment variable `MIST_PIPELINE__SECTION__KEY` (for example `MIST_PIPELINE__HISTORY__START=2026-02-02`); the",
        "environment wins over the file. A misspelt key is an error that names the nearest one.",
        "",
        "A value is what stands there: `007`, `NO`, `12:30` and `1.10` are texts, and become numbers, switches or dates only where the key",
        "is one. In a variable, ` #` and `:` are part of the text; a list or mapping is written as `[a, b]`, `{key: value}`. (Files that other",
        "programs read into the environment, such as `.env`, have rules of their own: put values with ` #` in quotes there.)",
        "A variable changes the one key that it names. Its capitals and underscores stand for any spelling in the file:",
        "`MIST_PIPELINE__SLE_THRESHOLDS__TIME_TO_CONNECT__CRITICAL=45` leaves the other bands of `time-to-connect`.",
        "",
        "| variable | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items()),
    ]
    for section, field in Settings.model_fields.items():
        if field.exclude:
            continue
        model: type[BaseModel] = Bands
        about, prefix = f"{field.description} {_about(Bands)}", "default."
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model, about, prefix = field.annotation, _about(field.annotation), ""
        lines += ["", f"## {section}", "", about, *_key_table(model, prefix)]
    lines += [
        "",
        "## Sinks",
        "",
        "Values of `notifications.sinks`, each under a name of your own. Keys that end in `_from`",
    ]
    lines += ["name a variable of the environment that holds a secret."]
    for config in sink_configs():
        lines += ["", f"### `type: {config.type_name()}`", "", _about(config), *_key_table(config)]
    parts: dict[str, tuple[str, type[BaseModel]]] = {
        "Routes": ("notifications.routes", Route),
        "Escalations": ("notifications.escalations", EscalationPolicy),
        "Steps": ("notifications.escalations.<name>.steps", EscalationStep),
        "Maintenance": ("notifications.maintenance", PlannedSilence),
        "Windows": ("hours, quiet_hours and window", Window),
    }
    for title, (where, keys) in parts.items():
        lines += ["", f"## {title}", "", f"`{where}`: {_about(keys)}", *_key_table(keys)]
    return "\n".join(lines) + "\n"


def _about(model: type[BaseModel]) -> str:
    """The first paragraph of a section's docstring; the rest is for those who read the code."""
    return " ".join((model.__doc__ or "").strip().partition("\n\n")[0].split())


def _key_table(model: type[BaseModel], prefix: str = "") -> list[str]:
    rows = [
        f"| `{prefix}{name}` | {'required' if one.is_required() else f'`{_default(one)}`'} | {one.description} |"
        for name, one in model.model_fields.items()
        if name != "type"
    ]
    return ["", "| key | default | meaning |", "|---|---|---|", *rows]


VARIABLES = {
    "MIST_API_TOKEN": "API token of the Mist cloud; several, separated by commas, share the calls. `mist.token_from` names another variable.",
    "MIST_BASE_URL": "Address of the cloud; wins over `mist.cloud` and `mist.base_url`.",
    "MIST_ORG_ID": "Organisation; wins over `mist.org_id`.",
    "MIST_WEBHOOK_SECRET": "Secret of the cloud's webhook, 16 characters or more; several, separated by commas, while one is replaced. "
    "Empty: nothing is received ([webhooks](webhooks.md)).",
    "MIST_PIPELINE_CONFIG": "The configuration file, instead of `config/config.yaml`.",
    "MIST_PIPELINE_UI_TOKEN": "What people have to know to use the UI of `daemon` and `ui`, 16 characters or more; empty: nothing.",
    "MIST_PIPELINE_WEB_TOKEN": "What people have to know to use the console where `web.access` is `token`, 16 characters or more.",
    "MIST_PIPELINE_DATA": "The data folder, instead of `data`; one folder holds one organisation, or those of several.",
    "MIST_PIPELINE_ORG": "One of [several organisations](organisations.md), as `--org`.",
    "MIST_PIPELINE_<NAME>__SECTION__KEY": "A key of one of several organisations alone; wins over `MIST_PIPELINE__SECTION__KEY`.",
}
"""Environment variables that are not keys of the file → meaning."""
