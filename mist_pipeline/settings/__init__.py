"""Settings: ``config/config.yaml`` and the environment → one validated, documented object."""

from mist_pipeline.settings.loading import DEFAULT_FILE, SettingsError, load_settings
from mist_pipeline.settings.model import Bands, Settings

__all__ = ["DEFAULT_FILE", "Bands", "Settings", "SettingsError", "load_settings"]
