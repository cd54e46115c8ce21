"""Writing suggested keys into the user's file: its comments stay, a copy of it is kept, and what does not come into force is undone."""

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.settings.editing import UneditableError, with_values
from mist_pipeline.storage.durable import write_atomically


def write_keys(settings: Settings, keys: Mapping[str, str], now: datetime) -> Path:
    """Set keys in the configuration file.

    Args:
        settings: The configuration in force.
        keys: Key as ``alerts.sensitivity`` → value.
        now: For the name of the copy.

    Returns:
        The copy of the file as it was.

    Raises:
        SettingsError: There is no file, it cannot be edited, or a variable of the environment wins over it; it is as it was then.
    """
    path = settings.source
    by_hand = "; ".join(f"{key}: {value}" for key, value in keys.items())
    if path is None:
        raise SettingsError(
            f"There is no configuration file to write; make one with `mist-pipeline init`, then set {by_hand}"
        )
    try:
        edited = with_values(path.read_bytes().decode(), keys)
    except UneditableError as error:
        raise SettingsError(f"{path}: {error}; set by hand: {by_hand}") from None
    kept = path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%SZ}.bak")
    shutil.copy2(path, kept)
    write_atomically(path, [edited.encode()])
    shutil.copymode(kept, path)
    try:
        _must_be_in_force(load_settings(path), keys, path)
    except SettingsError:
        kept.replace(path)
        raise
    return kept


def _must_be_in_force(settings: Settings, keys: Mapping[str, str], path: Path) -> None:
    lost = [key for key, value in keys.items() if _value(settings, key) != value]
    if lost:
        raise SettingsError(
            f"{path}: {', '.join(lost)} is set by a variable of the environment, which wins over the file; change it there"
        )


def _value(settings: Settings, key: str) -> str | None:
    value: Any = settings.model_dump(mode="json")
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return None if value is None else str(value)
