"""``--org`` of every command."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mist_pipeline.cli.app import app
from mist_pipeline.cli.dagster_home import environment, place_of_home
from mist_pipeline.settings import load_settings


def commands(group: Any) -> Iterator[Any]:
    for command in group.commands.values():
        yield from commands(command) if hasattr(command, "commands") else [command]


def test_every_command_can_be_told_the_organisation_once() -> None:
    found = list(commands(typer.main.get_command(app)))
    told = {one.name: sum("--org" in param.opts for param in one.params) for one in found}
    assert len(found) > 20
    assert set(told.values()) == {1}, told


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two organisations, none chosen."""
    folder = tmp_path / "config" / "organisations"
    folder.mkdir(parents=True)
    for key in ("acme", "globex"):
        (folder / f"{key}.yaml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIST_PIPELINE_DATA", raising=False)
    monkeypatch.setenv("MIST_PIPELINE_ORG", "")
    return tmp_path


@pytest.mark.parametrize("arguments", [("alerts", "list"), ("retention", "--dry-run")])
def test_a_command_works_in_the_data_folder_of_its_organisation(
    two: Path, arguments: tuple[str, ...]
) -> None:
    (two / "data" / "acme").mkdir(parents=True)
    result = CliRunner().invoke(app, [*arguments, "--org", "acme"])
    assert result.exit_code == 0, result.output
    assert os.environ["MIST_PIPELINE_ORG"] == "acme"
    assert not (two / "data" / "globex").exists()


def test_organisations_share_a_dagster_home_and_what_is_started_knows_which_one_is_meant(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("MIST_PIPELINE_ORG", "globex")
    settings = load_settings()
    assert place_of_home(settings) == two / "data" / "dagster"
    handed_on = environment(settings)
    assert handed_on["MIST_PIPELINE_ORG"] == "globex"
    assert load_settings(environment=handed_on).data == two / "data" / "globex"
