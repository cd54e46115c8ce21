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


def test_every_command_of_a_group_too_is_on_its_page_with_an_example_that_calls_it() -> None:
    sections = pages()[Path("docs/commands.md")].split("\n## ")[1:]
    assert len(sections) > len(COMMANDS)
    without = [one for one in (part.partition("\n")[0] for part in sections) if not one]
    for section in sections:
        name = section.partition("\n")[0]
        if f"Example: `mist-pipeline {name}" not in section:
            without.append(name)
    assert without == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_documentation(command: str) -> None:
    told = "\n".join(
        (PROJECT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/operations.md")
    )
    assert f"mist-pipeline {command}" in told
