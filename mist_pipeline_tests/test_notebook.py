"""The notebook runs from top to bottom without anybody at the screen."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline_tests.support.warehouse.small_world import LAST, NAMES, small_world

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "organisation.py"

pytestmark = pytest.mark.slow


def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What its cells define, by name."""
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(folder))
    spec = importlib.util.spec_from_file_location("notebook_of_organisation", NOTEBOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, defined = module.app.run()
    return dict(defined)


def test_it_shows_the_organisation_a_site_and_forecasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = small_world(tmp_path)
    before = {path: path.read_bytes() for path in (places.days, places.today, places.ledger)}
    shown = run(tmp_path, monkeypatch)
    assert shown["health"]["day"].max() == LAST
    assert shown["worst"]["site_name"][0] == NAMES["s1"]
    assert shown["incidents"].height == 2
    assert shown["site"].value == "s1", "the worst site is chosen first"
    assert shown["metric"].value == "coverage", "and its worst service level"
    assert set(shown["scores"]["metric"]) >= {"capacity", "coverage"}
    assert shown["forecast"]["actual_pct"].count() > 20
    assert before == {path: path.read_bytes() for path in before}
