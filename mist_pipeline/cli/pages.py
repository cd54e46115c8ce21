"""The pages of the documentation that are made from code; a test fails where one is out of date."""

from pathlib import Path

from mist_pipeline.settings.template import configuration_page, template
from mist_pipeline.tables import PUBLIC_TABLES
from mist_pipeline.tables.schema import data_dictionary
from mist_pipeline.warehouse.views import VIEWS

CHECKOUT = Path(__file__).parents[2]


def pages() -> dict[Path, str]:
    """Path below the project → content."""
    return {
        Path("docs/data-dictionary.md"): data_dictionary(
            PUBLIC_TABLES, {name: comment for name, (comment, _) in VIEWS.items()}
        ),
        Path("docs/configuration.md"): configuration_page(),
        Path("config/config.yaml.template"): template(),
    }


def write() -> None:
    """Write every page."""
    for path, content in pages().items():
        target = CHECKOUT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    write()
