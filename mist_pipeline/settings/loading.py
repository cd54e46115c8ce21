"""Reading the configuration: file and environment, merged, validated, and explained where they are wrong.

The environment wins over the file, the file over the defaults. Secrets come from the environment only. A key that
does not exist is an error naming the file or variable, the key, and the nearest key that does.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from mist_pipeline.settings.model import Settings

PREFIX = "MIST_PIPELINE__"
DEFAULT_FILE = Path("config/config.yaml")


class SettingsError(ValueError):
    """The configuration cannot be used; says which key in which file, and how to mend it."""


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read, merge and validate the configuration.

    Args:
        path: The file; None takes ``MIST_PIPELINE_CONFIG``, else ``config.yaml`` in the data folder, else
            ``config/config.yaml``, where there is one.
        environment: Environment variables; None takes the process's own.

    Raises:
        SettingsError: A file that was asked for is missing, is no YAML, or a key or value is wrong.
    """
    variables = os.environ if environment is None else environment
    source, values, origin = _merged(path, variables)
    tokens = [token.strip() for token in variables.get("MIST_API_TOKEN", "").split(",") if token.strip()]
    content = {
        **values,
        "tokens": tuple(SecretStr(token) for token in tokens),
        "data": _data_folder(variables),
        "source": source if source.exists() else None,
    }
    try:
        settings = Settings.model_validate(content)
        if not settings.notifications.sinks:
            return settings
        secrets = _secrets(settings, variables, source)
        settings = Settings.model_validate({**content, "secrets": secrets})
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(one, origin, source) for one in error.errors())) from None
    # What only a sink can judge is judged now, not at three in the morning.
    try:
        settings.sinks()
        settings.notifications.advice()
    except ValueError as error:
        where = origin.get(("notifications", "sinks"), source)
        raise SettingsError(f"{where}: notifications.{error}") from None
    return settings


def _data_folder(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("MIST_PIPELINE_DATA") or "data")


def _merged(
    path: Path | None, variables: Mapping[str, str]
) -> tuple[Path, dict[str, Any], dict[tuple[str, str], str]]:
    """The file, its values under those of the environment, and where each key comes from."""
    named = path or (
        Path(variables["MIST_PIPELINE_CONFIG"]) if variables.get("MIST_PIPELINE_CONFIG") else None
    )
    beside = _data_folder(variables) / "config.yaml"
    source = named or (beside if beside.exists() else DEFAULT_FILE)
    if named and not named.exists():
        raise SettingsError(
            f"{named}: there is no such file. Write one with `mist-pipeline init --path {named}`."
        )
    values = _read(source) if source.exists() else {}
    _refuse_password(values, source)
    origin = {
        (section, key): str(source)
        for section, keys in values.items()
        if isinstance(keys, dict)
        for key in keys
    }
    for name, text in variables.items():
        if name.startswith(PREFIX):
            parts = tuple(part.lower() for part in name.removeprefix(PREFIX).split("__"))
            _put(values, parts, _scalar(text), name)
            origin[parts[0], parts[1] if len(parts) > 1 else ""] = name
    for name, key in (("MIST_BASE_URL", "base_url"), ("MIST_ORG_ID", "org_id")):
        if variables.get(name):
            _put(values, ("mist", key), variables[name], name)
            origin["mist", key] = name
    for reserved, hint in _RESERVED.items():
        if reserved in values:
            raise SettingsError(f"{source}: `{reserved}` is no key of the file. {hint}")
    return source, values, origin


def _secrets(settings: Settings, variables: Mapping[str, str], source: Path) -> dict[str, SecretStr]:
    """The secrets that sinks name.

    Raises:
        SettingsError: Naming every variable that is missing.
    """
    named = list(settings.notifications.variables())
    missing = [
        f"{source}: notifications.sinks.{sink} takes a secret from {variable}, which is not set in the environment"
        for sink, variable in named
        if not variables.get(variable)
    ]
    if missing:
        raise SettingsError("\n".join(missing))
    return {variable: SecretStr(variables[variable]) for _, variable in named}


def _refuse_password(values: Mapping[str, Any], source: Path) -> None:
    alerts = values.get("alerts")
    ledger = alerts.get("ledger") if isinstance(alerts, dict) else None
    if ledger and urlsplit(str(ledger)).password:
        raise SettingsError(
            f"{source}: alerts.ledger holds a password. Secrets come from the environment: "
            "set MIST_PIPELINE__ALERTS__LEDGER, or leave the password to PGPASSWORD."
        )


_RESERVED = {
    "tokens": "Tokens come from the environment: MIST_API_TOKEN.",
    "data": "The data folder comes from the environment: MIST_PIPELINE_DATA.",
    "source": "Remove it.",
    "secrets": "Sinks name variables of the environment: token_from, password_from …",
}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: this is no YAML: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: expected sections with keys, got a {type(document).__name__}")
    return {str(key): ({} if value is None else value) for key, value in document.items()}


def _scalar(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _put(values: dict[str, Any], parts: tuple[str, ...], value: Any, name: str) -> None:
    place = values
    for part in parts[:-1]:
        below = place.setdefault(part, {})
        if not isinstance(below, dict):
            raise SettingsError(f"{name}: {part!r} is a value, not a section")
        place = below
    place[parts[-1]] = value


def _explain(error: Any, origin: Mapping[tuple[str, str], str], source: Path) -> str:
    location = tuple(str(part) for part in error["loc"])
    key = ".".join(location)
    section, name = (*location, "", "")[:2]
    anywhere = (place for (known, _), place in origin.items() if known == section)
    where = origin.get((section, name)) or next(anywhere, str(source))
    if error["type"] != "extra_forbidden":
        return f"{where}: {key}: {error['msg'].removeprefix('Value error, ')}"
    known = _known_keys()
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5) or difflib.get_close_matches(
        location[-1], [candidate.split(".")[-1] for candidate in known], n=1
    )
    hint = next((candidate for candidate in known if near and candidate.endswith(near[0])), None)
    return f"{where}: there is no setting {key!r}" + (f"; did you mean {hint!r}?" if hint else "")


def _known_keys() -> list[str]:
    keys: list[str] = []
    for section, field in Settings.model_fields.items():
        if field.exclude:
            continue
        keys.append(section)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += [f"{section}.{name}" for name in field.annotation.model_fields]
    return keys
