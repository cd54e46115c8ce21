"""``python -m mist_pipeline.cli.cookbook --data data/demo``: run every query of the page, write results and charts into it."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from mist_pipeline.cli.cookbook.drawing import svg
from mist_pipeline.cli.cookbook.page import recipes, with_results
from mist_pipeline.settings import load_settings
from mist_pipeline.warehouse.reading import reading
from mist_pipeline.workflows.present.overview import published_files, show_ledger

PAGE = Path(__file__).parents[3] / "docs" / "cookbook.md"
IMAGES = PurePosixPath("images/cookbook")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder whose tables are asked")
    data = parser.parse_args(arguments).data
    settings = load_settings(data / "config.yaml", {"MIST_PIPELINE_DATA": str(data)})
    show_ledger(settings, datetime.now(UTC))
    text = PAGE.read_text(encoding="utf-8")
    results, images = [], {}
    with reading(published_files(settings)) as opened:
        for recipe in recipes(text):
            answer = opened.connection.execute(recipe.query).pl()
            results.append((recipe, answer))
            print(f"{recipe.title}: {answer.height} rows")
            if recipe.chart is not None:
                images[recipe.title] = IMAGES / f"{recipe.slug}.svg"
                target = PAGE.parent / images[recipe.title]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(svg(recipe.chart, answer) + "\n", encoding="utf-8")
    PAGE.write_text(with_results(text, results, images), encoding="utf-8")


if __name__ == "__main__":
    main()
