"""Which settings hold: ``config/config.yaml``, ``config/organisations`` and the environment → one validated, documented object.

Here: reading and merging (`loading`), several organisations over one shared file (`organisations`), the sections put together (`model`, `notifications`), errors in words (`explanation`),
the commented file and the page of the documentation (`template`). Not here: the keys of sinks, routes, windows and
escalations, which stand beside what they configure (``delivery``, ``alerts.notify``), and making the options of the analysis
from the settings (``workflows``).
"""

from mist_pipeline.settings.loading import (
    DEFAULT_FILE,
    SettingsError,
    data_folder,
    load_settings,
    organisations,
    shared_file,
    unread_variables,
)
from mist_pipeline.settings.model import Bands, Settings

__all__ = [
    "DEFAULT_FILE",
    "Bands",
    "Settings",
    "SettingsError",
    "data_folder",
    "load_settings",
    "organisations",
    "shared_file",
    "unread_variables",
]
