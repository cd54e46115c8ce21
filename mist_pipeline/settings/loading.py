"""Reading the configuration: file and environment, merged, validated, and explained where they are wrong.

The environment wins over the file, the file over the defaults. Secrets come from the environment only. A key that
does not exist is an error naming the file or variable, the key, and the nearest key that does.
"""

import copy
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr, ValidationError

from mist_pipeline.domain.config_section import PlacedError, Section
from mist_pipeline.domain.console_links import SHORTEST_KEY
from mist_pipeline.domain.metrics import canonical
from mist_pipeline.domain.plain_yaml import RefusedError, is_text, read_variable, read_yaml
from mist_pipeline.domain.text import clean
from mist_pipeline.http_client.secrets import from_environment, password_of
from mist_pipeline.settings.explanation import error_line, explain, looks_secret
from mist_pipeline.settings.model import Settings
from mist_pipeline.settings.organisations import (
    FOLDER,
    OF_ALL,
    ORGANISATION_VARIABLE,
    OWN,
    OrganisationError,
    below,
    choose_one,
    file_of,
    laid_over,
    nearest_keys,
    organisation_files,
    stray_variables,
    variable_prefix,
)
from mist_pipeline.settings.warehouse import PREFIX as DUCKLAKE
from mist_pipeline.storage.address import CREDENTIALS

PREFIX = "MIST_PIPELINE__"
DEFAULT_FILE = Path("config/config.yaml")
SHORTEST_WEBHOOK_SECRET = 16


class SettingsError(ValueError):
    """The configuration cannot be used; says which key in which file, and how to fix it."""


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read, merge and validate the configuration.

    Args:
        path: The file; None takes ``MIST_PIPELINE_CONFIG``, else ``config.yaml`` in the data folder, else
            ``config/config.yaml``, where there is one. Of one of several organisations it stands in place of its own file.
        environment: Environment variables; None takes the process's own. ``MIST_PIPELINE_ORG`` chooses one of several
            organisations.

    Raises:
        SettingsError: A file that was asked for is missing, is no YAML, or a key or value is wrong; or there are several
            organisations, and none of them is chosen.
    """
    variables = os.environ if environment is None else environment
    try:
        organisation, files = _files(path, variables)
    except OrganisationError as error:
        raise SettingsError(str(error)) from None
    source, values, origin = _merged(organisation, files, variables)
    # A section that is not there is an empty one: what checks all of them together is built, and not also what checks each.
    empty: dict[str, Any] = {
        name: {} for name, one in Settings.model_fields.items() if _is_section(one.annotation)
    }
    content = {
        **empty,
        **values,
        "data": data_folder(variables) / organisation,
        "common": data_folder(variables) if organisation else None,
        # Whoever writes a file for an organisation has named its folder with it.
        "is_data_named": bool(variables.get("MIST_PIPELINE_DATA") or organisation),
        "source": source if source.exists() else None,
    }
    try:
        settings = Settings.model_validate(content)
        mist = settings.mist
        content |= {
            "tokens": tuple(map(SecretStr, _listed(variables, mist.token_from))),
            "webhook_secrets": tuple(map(SecretStr, _webhook_secrets(variables, mist.webhook_secret_from))),
            "secrets": _secrets(settings, variables, origin, str(source)),
        }
        settings = Settings.model_validate(content)
        # What only a sink can check is checked now, not at three in the morning.
        settings.sinks()
        if settings.notifications.sinks or settings.notifications.remediation:
            settings.notifications.advice()
    except ValidationError as error:
        raise SettingsError(explain(error, origin, str(source))) from None
    except PlacedError as error:
        place = ("notifications", *error.place)
        raise SettingsError(error_line(place, error.text, origin, str(source))) from None
    return settings


def _is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _listed(variables: Mapping[str, str], name: str) -> list[str]:
    """The secrets of a variable that are separated by commas."""
    given = [one.strip() for one in variables.get(name, "").split(",")]
    try:
        return [from_environment(one, name) for one in given if one]
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _webhook_secrets(variables: Mapping[str, str], name: str) -> list[str]:
    """The secrets of the cloud's webhook."""
    found = _listed(variables, name)
    if any(len(one) < SHORTEST_WEBHOOK_SECRET for one in found):
        raise SettingsError(
            f"{name} holds a secret of fewer than {SHORTEST_WEBHOOK_SECRET} characters; `openssl rand -hex 24` "
            "makes a good one"
        )
    return found


def data_folder(variables: Mapping[str, str] | None = None) -> Path:
    """The data folder that the environment names, else ``data``; of several organisations the one that holds theirs."""
    return Path((os.environ if variables is None else variables).get("MIST_PIPELINE_DATA") or "data")


def shared_file(variables: Mapping[str, str] | None = None) -> Path:
    """The configuration file that the environment names, else ``config.yaml`` in the data folder, else ``config/config.yaml``."""
    variables = os.environ if variables is None else variables
    beside = data_folder(variables) / "config.yaml"
    return Path(variables.get("MIST_PIPELINE_CONFIG") or (beside if beside.exists() else DEFAULT_FILE))


def organisations(variables: Mapping[str, str] | None = None) -> list[str]:
    """The keys of several organisations, none of which need be chosen; empty where there is no file of any.

    Raises:
        SettingsError: A file is not named by a key.
    """
    try:
        return list(organisation_files(shared_file(variables)))
    except OrganisationError as error:
        raise SettingsError(str(error)) from None


def unread_variables(variables: Mapping[str, str] | None = None) -> str:
    """A sentence about variables that are named like those of one organisation, and are of none; '' where there are none.

    Raises:
        SettingsError: A file of an organisation is not named by a key.
    """
    keys = organisations(variables)
    stray = stray_variables(os.environ if variables is None else variables, keys)
    if not stray:
        return ""
    place = shared_file(variables).parent / FOLDER
    there = f"there are {', '.join(keys)}" if keys else "there is none"
    near = ", ".join(f"the nearest to {wrong} is {key}" for wrong, key in nearest_keys(stray, keys).items())
    said = f"{clean(', '.join(stray), 400)}: of no organisation in {place} ({there}), so nothing reads it"
    return f"{said}; {clean(near, 200)}" if near else said


def _files(path: Path | None, variables: Mapping[str, str]) -> tuple[str, list[Path]]:
    """The organisation that is chosen, '' where there are not several, and the files to read, the last of which wins.

    Raises:
        OrganisationError: There are several, and none of them is chosen; or the chosen one is none of them.
        SettingsError: A file that was asked for is missing.
    """
    wanted, shared = variables.get(ORGANISATION_VARIABLE, ""), shared_file(variables)
    for named in (path, variables.get("MIST_PIPELINE_CONFIG")):
        if named and not Path(named).exists():
            raise SettingsError(
                f"{named}: there is no such file. Write one with `mist-pipeline init --path {named}`."
            )
    if not wanted and path:
        return "", [path]
    files = organisation_files(shared, wanted)
    if wanted:
        own = file_of(wanted, files, shared)
        return wanted, [shared, path or own]
    if files:
        raise choose_one(files)
    return "", [shared]


Origins = dict[tuple[str, ...], str]
"""Place → the file or variable that says what stands there."""


def _merged(
    organisation: str, files: Sequence[Path], variables: Mapping[str, str]
) -> tuple[Path, dict[str, Any], Origins]:
    """The last file, the values of all under those of the environment, and where each of them comes from."""
    values: dict[str, Any] = {}
    origin: Origins = {}
    for source in files:
        own = _of_file(source)
        if organisation and source == files[0]:
            _refuse_common(own, source, organisation, files[-1], variables)
        if organisation and source == files[-1]:
            _refuse_own(own, source, organisation, files[0], variables)
        values = laid_over(values, own)
        origin |= {
            (section, key): str(source)
            for section, keys in own.items()
            if isinstance(keys, dict)
            for key in map(str, keys)
        }
    # Of all organisations, then those of the one, which win.
    _put_variables(values, origin, variables, PREFIX)
    if organisation:
        _put_variables(values, origin, variables, variable_prefix(organisation))
        _put_key(values, origin, organisation, files[-1])
        _put_below(values, organisation)
    return files[-1], values, origin


def _of_file(source: Path) -> dict[str, Any]:
    """The values of a file, which need not be there, without what may not stand in one."""
    # A link that leads nowhere is there, and nothing of what it should say would hold.
    values = _read(source) if source.exists() or source.is_symlink() else {}
    _refuse_password(values, source)
    _refuse_heartbeat(values, source)
    for reserved, hint in _RESERVED.items():
        if reserved in values:
            raise SettingsError(f"{source}: `{reserved}` is no key of the file. {hint}")
    return values


def _refuse_common(
    values: Mapping[str, Any], source: Path, organisation: str, own: Path, variables: Mapping[str, str]
) -> None:
    """Refuse what would be one for all organisations and has to be each one's own."""
    given, origin = copy.deepcopy(dict(values)), Origins()
    _put_variables(given, origin, variables, PREFIX)
    for section, key in OWN:
        keys = given.get(section)
        if isinstance(keys, dict) and keys.get(key) not in (None, ""):
            where = origin.get((section, key)) or origin.get((section,)) or str(source)
            instead = f"{variable_prefix(organisation)}{section.upper()}__{key.upper()}"
            raise SettingsError(
                f"{where}: {section}.{key} would be the same for all organisations, and has to be each one's own. Remove it there; "
                f"set it in {own}, or {instead} if it is a secret."
            )


def _refuse_own(
    values: Mapping[str, Any], source: Path, organisation: str, shared: Path, variables: Mapping[str, str]
) -> None:
    """Refuse what an organisation says for itself and has to be one for all."""
    given, origin = copy.deepcopy(dict(values)), Origins()
    _put_variables(given, origin, variables, variable_prefix(organisation))
    for section, key in OF_ALL:
        keys = given.get(section)
        if isinstance(keys, dict) and key in keys:
            where = origin.get((section, key)) or origin.get((section,)) or str(source)
            raise SettingsError(
                f"{where}: {section}.{key} is one for all organisations, which share one Dagster and one port of the console: set it in {shared}."
                + (
                    " Whom it lets in to this organisation say web.token_from and web.users."
                    if section == "web"
                    else ""
                )
            )


def _put_key(values: dict[str, Any], origin: Origins, organisation: str, own: Path) -> None:
    """The key of an organisation is the name of its file."""
    keys = values.setdefault("organisation", {})
    if not isinstance(keys, dict):
        return  # said where the section is read
    given = keys.get("key")
    if given in (None, ""):  # as the file that `init` writes has it
        keys["key"] = organisation
    elif given != organisation:
        where = origin.get(("organisation", "key"), str(own))
        raise SettingsError(
            f"{where}: organisation.key is {given!r}, and the organisation of {own} is {organisation!r}, as its file is named: "
            "leave the key out."
        )


def _put_below(values: dict[str, Any], organisation: str) -> None:
    """Links lead to the organisation's own part of the console of all."""
    web = values.get("web")
    if isinstance(web, dict) and isinstance(address := web.get("console_url"), str) and "://" in address:
        values["web"] = {**web, "console_url": below(address, organisation)}


def _put_variables(
    values: dict[str, Any], origin: Origins, variables: Mapping[str, str], prefix: str
) -> None:
    """Put what variables that begin so say over the values, and say so of their places."""
    given = {
        tuple(name.removeprefix(prefix).lower().split("__")): name
        for name in variables
        if name.startswith(prefix)
    }
    odd = [name for name in given.values() if not is_text(variables[name])]
    if odd:
        raise SettingsError(f"{odd[0]}: is no text in UTF-8")
    # A whole section first: what is said of one of its keys adds to it, in whatever order the variables come.
    for parts, name in sorted(given.items(), key=lambda one: (len(one[0]), one[0])):
        place = _put(values, parts, read_variable(variables[name]), name)
        # A variable replaces all that it names.
        for known in [known for known in origin if known[: len(place)] == place]:
            del origin[known]
        origin[place] = name
    for name, key in (("MIST_BASE_URL", "base_url"), ("MIST_ORG_ID", "org_id")) if prefix == PREFIX else ():
        if variables.get(name):
            _put(values, ("mist", key), variables[name], name)
            origin["mist", key] = name


def _secrets(
    settings: Settings, variables: Mapping[str, str], origin: Mapping[tuple[str, ...], str], source: str
) -> dict[str, SecretStr]:
    """The secrets that sinks and the console name, and those of a store.

    Raises:
        SettingsError: Naming every variable that is missing, or holds what no secret does.
    """
    secrets: dict[str, SecretStr] = {}
    wrong = []
    named = [(("notifications", *place), variable) for place, variable in settings.notifications.variables()]
    key_place = ("web", "link_key_from")
    if settings.web.link_key_from:
        named.append((key_place, settings.web.link_key_from))
    for place, variable in named:
        try:
            secret = from_environment(variables.get(variable, ""), variable)
        except ValueError as error:
            problem = str(error)
        else:
            secrets[variable] = SecretStr(secret)
            problem = "" if secret else f"the variable {variable} is not set, or empty; put the secret there"
            if secret and place == key_place and len(secret) < SHORTEST_KEY:
                problem = f"the variable {variable} holds fewer than {SHORTEST_KEY} characters; `openssl rand -hex 24` makes a good one"
        if problem:
            wrong.append(error_line(place, problem, origin, source))
    if wrong:
        raise SettingsError("\n".join(wrong))
    if settings.storage.url:
        secrets |= {name: SecretStr(variables[name]) for name in CREDENTIALS if variables.get(name)}
    return secrets


def _refuse_password(values: Mapping[str, Any], source: Path) -> None:
    for section, key in (("alerts", "ledger"), ("warehouse", "url")):
        given = values.get(section)
        address = given.get(key) if isinstance(given, dict) else None
        if isinstance(address, str) and password_of(address.removeprefix(DUCKLAKE)):
            raise SettingsError(
                f"{source}: {section}.{key} holds a password. Secrets come from the environment: "
                f"set {PREFIX}{section.upper()}__{key.upper()}, or leave the password to PGPASSWORD."
            )


def _refuse_heartbeat(values: Mapping[str, Any], source: Path) -> None:
    monitoring = values.get("monitoring")
    given = monitoring if isinstance(monitoring, dict) else {}
    for key in ("heartbeat_url", "heartbeat_fail_url"):
        if given.get(key) is not None:
            raise SettingsError(
                f"{source}: monitoring.{key} is a secret. Secrets come from the environment: "
                f"set {PREFIX}MONITORING__{key.upper()}."
            )


_RESERVED = {
    "webhook_secrets": "The secrets of Mist's webhook come from the environment: MIST_WEBHOOK_SECRET.",
    "tokens": "Tokens come from the environment: MIST_API_TOKEN.",
    "data": "The data folder comes from the environment: MIST_PIPELINE_DATA.",
    "is_data_named": "Remove it.",
    "source": "Remove it.",
    "common": "Remove it.",
    "secrets": "Sinks name variables of the environment: token_from, password_from …",
}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}{_complaint(error)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as a text in UTF-8 ({type(error).__name__})") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: expected sections with keys, got a {type(document).__name__}")
    return {str(key): ({} if value is None else value) for key, value in document.items()}


def _complaint(error: yaml.YAMLError) -> str:
    # Not the error's own text: it quotes the line, and people do put secrets into files.
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    if isinstance(error, RefusedError):
        key = ("a key " if looks_secret(error.key) else f"{error.key!r} ") if error.key else ""
        return f"{where}: {key}{problem}"
    is_harmless = isinstance(error, yaml.parser.ParserError | yaml.scanner.ScannerError)
    return f"{where}: this is no YAML{f': {problem}' if is_harmless and problem else ''}"


def _put(values: dict[str, Any], parts: tuple[str, ...], value: Any, name: str) -> tuple[str, ...]:
    """Set a value, and say where: names in variables are in capitals, so ``OPS_MAIL`` means the file's ``ops-mail``."""
    place = values
    path: list[str] = []
    for part in parts:
        path.append(_as_written(place, part, is_metric=path == ["sle_thresholds"]))
        if len(path) == len(parts):
            break
        below = place.setdefault(path[-1], {})
        if not isinstance(below, dict):
            raise SettingsError(f"{name}: {part!r} is a value, not a section")
        place = below
    place[path[-1]] = value
    return tuple(path)


def _as_written(place: Mapping[str, Any], part: str, *, is_metric: bool) -> str:
    """The key that is there under another spelling, else the part as it is."""
    if part in place:
        return part
    metric = canonical(part) if is_metric else None
    same = [
        key
        for key in map(str, place)
        if re.sub(r"[^a-z0-9]", "_", key.lower()) == part or (metric and canonical(key) == metric)
    ]
    return same[0] if len(same) == 1 else part
