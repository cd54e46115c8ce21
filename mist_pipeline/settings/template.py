"""The configuration as a commented file and as a page of the documentation, both made from the model."""

from typing import Any

import yaml
from pydantic import BaseModel

from mist_pipeline.settings.model import Bands, Settings


def template() -> str:
    """A commented configuration file with every key at its default."""
    lines = [
        "# Configuration of mist_pipeline. Every key is optional; what stands here are the defaults.",
        "# Secrets do not belong here: MIST_API_TOKEN comes from the environment.",
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
                *(f"    {name}: {_yaml(one.default)}" for name, one in Bands.model_fields.items()),
            ]
            continue
        lines += [f"# {(field.annotation.__doc__ or '').strip()}", f"{section}:"]
        for name, one in field.annotation.model_fields.items():
            lines += [f"  # {one.description}", f"  {name}: {_yaml(one.default)}"]
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()


def configuration_page() -> str:
    """``docs/configuration.md``: every key with its default and meaning."""
    lines = [
        "# Configuration",
        "",
        "Made from `mist_pipeline/settings/model.py` by `make docs`; a test keeps it current.",
        "",
        "`mist-pipeline init` writes a commented `config/config.yaml`. Every key is optional. Any key can be given as an",
        "environment variable `MIST_PIPELINE__SECTION__KEY` (for example `MIST_PIPELINE__HISTORY__START=2026-02-02`); the",
        "environment wins over the file. A misspelt key is an error that names the nearest one.",
        "",
        "| variable | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items()),
    ]
    for section, field in Settings.model_fields.items():
        if field.exclude:
            continue
        model: type[BaseModel] = Bands
        about, prefix = f"{field.description} {(Bands.__doc__ or '').strip()}", "default."
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model, about, prefix = field.annotation, (field.annotation.__doc__ or "").strip(), ""
        lines += ["", f"## {section}", "", about, "", "| key | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{prefix}{name}` | `{_yaml(one.default)}` | {one.description} |"
            for name, one in model.model_fields.items()
        ]
    return "\n".join(lines) + "\n"


VARIABLES = {
    "MIST_API_TOKEN": "API token of the Mist cloud; several, separated by commas, share the calls.",
    "MIST_BASE_URL": "Address of the cloud; wins over `mist.cloud` and `mist.base_url`.",
    "MIST_ORG_ID": "Organisation; wins over `mist.org_id`.",
    "MIST_PIPELINE_CONFIG": "The configuration file, instead of `config/config.yaml`.",
    "MIST_PIPELINE_DATA": "The data folder, instead of `data`.",
}
"""Environment variables that are not keys of the file → meaning."""
