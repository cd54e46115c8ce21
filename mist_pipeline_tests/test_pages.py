"""The documentation that is made from code is current, and every command is in the documentation."""

from pathlib import Path

import pytest
import typer.main

import mist_pipeline
from mist_pipeline.cli.app import app
from mist_pipeline.cli.pages import pages

PROJECT = Path(mist_pipeline.__file__).parent.parent
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted(pages()), ids=str)
def test_a_page_made_from_code_is_current(path: Path) -> None:
    written = (PROJECT / path).read_text(encoding="utf-8")
    assert written == pages()[path], f"{path} is out of date: run `make docs`"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_documentation(command: str) -> None:
    told = "\n".join(
        (PROJECT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/operations.md")
    )
    assert f"mist-pipeline {command}" in told
