"""Names of the code location, and where the files that Dagster reads are: in the package, so that a wheel has them."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings

CODE_LOCATION = "mist_pipeline"
"""What the UI calls the project, as in ``workspace.yaml``: runs of the command line are shown below it too."""

MODULE = "mist_pipeline.definitions"
"""The module that Dagster loads."""

DAGSTER_YAML = Path(__file__).with_name("dagster.yaml")
WORKSPACE_YAML = Path(__file__).with_name("workspace.yaml")


def code_location(settings: "Settings") -> str:
    """What the UI calls the code of an organisation: as its key, so that there may be several."""
    return settings.organisation.key or CODE_LOCATION
