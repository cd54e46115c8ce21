"""The file by which a data folder says of itself that it holds an organisation; known without asking warehouse or cloud.

Not here: which organisation that is (``workflows.organisation_pin``).
"""

from mist_pipeline.settings import Settings

PIN_FILE = "organisation.json"
"""Its name in the data folder."""


def has_pin(settings: Settings) -> bool:
    """Whether the folder says of itself that it holds an organisation, whichever."""
    return (settings.data / PIN_FILE).is_file()
