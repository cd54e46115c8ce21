"""What has to be alike where a day is computed by several machines: the code, the libraries that decide over rows, and the settings.

Two that differ would make rows that nobody could make again. Settings are compared by hashes, key by key, so that a difference has a name
and no value travels. Not here: who asks whom (steps on a cluster in ``defs.runs``, ``doctor``).
"""

import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE

LIBRARIES = ("dagster", "duckdb", "joblib", "numpy", "pmdarima", "polars", "scikit-learn", "scipy")
OWN = {"compute", "web"}
"""Sections that decide over no row: how the cluster is reached differs from network to network."""

Facts = Mapping[str, str]
"""What is compared → its version, or a hash of it."""


def facts(settings: Settings) -> dict[str, str]:
    """What of this process others have to be like."""
    found = {"python": ".".join(platform.python_version_tuple()[:2]), "mist_pipeline": _source()}
    found |= {name: _version(name) for name in LIBRARIES}
    for section, values in settings.model_dump(mode="json", exclude=OWN).items():
        keys = values if isinstance(values, dict) else {"": values}
        found |= {f"setting {section}.{key}": _digest(value) for key, value in keys.items()}
    return found


def facts_of(organisation: str) -> dict[str, str]:
    """The same of what this process's file and environment say now; what a worker is asked for.

    Args:
        organisation: Which of several; '' where there is one.

    Raises:
        SettingsError: They cannot be used.
    """
    return facts(settings_of(organisation))


def settings_of(organisation: str) -> Settings:
    """The settings of this process's file and environment.

    Raises:
        SettingsError: They cannot be used.
    """
    chosen = {ORGANISATION_VARIABLE: organisation} if organisation else {}
    return load_settings(environment={**os.environ, **chosen})


def chosen_organisation(settings: Settings) -> str:
    """How `settings_of` is asked for these settings elsewhere."""
    return settings.organisation.key if settings.is_one_of_several else ""


def differences(wanted: Facts, found: Facts) -> list[str]:
    """What of the second differs, in words; empty where they are alike.

    >>> differences({"polars": "1.40", "setting a.b": "1f"}, {"polars": "1.41", "setting a.b": "2e"})
    ['polars 1.41 instead of 1.40', 'another setting a.b']
    """
    said = []
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            is_setting = name.startswith("setting ")
            versions = f"{name} {found.get(name, 'missing')} instead of {wanted.get(name, 'none')}"
            said.append(f"another {name}" if is_setting else versions)
    return said


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _digest(value: object) -> str:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


@cache
def _source() -> str:
    """The version of the package, and a hash of its source: two checkouts may call themselves the same."""
    package = Path(str(files("mist_pipeline")))
    summary = blake2b(digest_size=5)
    for path in sorted((*package.rglob("*.py"), *package.rglob("*.sql"))):
        summary.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{_version('mist-pipeline')} ({summary.hexdigest()})"
