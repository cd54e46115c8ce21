"""The pages that people write: links and paths of the code lead somewhere, and no command or room goes unmentioned."""

import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from mist_pipeline.cli.app import app
from mist_pipeline.defs.runs.limits import MAX_RUNTIME
from mist_pipeline.domain.severity import SEVERITIES_IN_WORDS
from mist_pipeline.report.rendering.text import WIDTH

PROJECT = Path(__file__).parent.parent
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
CODE_PATH = re.compile(r"(?<![\w/])mist_pipeline(?:_tests)?/(?:\w+/)*(?:\w+\.\w+)?(?![\w<*])")
"""A folder (with a slash at its end) or file of the package or its tests; Dagster's run tags have no slash at the end."""
MODULE = re.compile(r"`([\w/]+\.py)`")
"""A module in backticks, by its whole path or its last parts."""
MODULES = [
    f"/{path}"
    for room in ("mist_pipeline", "mist_pipeline_tests", "benchmarks", "notebooks")
    for path in PROJECT.glob(f"{room}/**/*.py")
]


def text_of(*names: str) -> str:
    return "\n".join((PROJECT / name).read_text(encoding="utf-8") for name in names)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get where it is read."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        place = (page.parent / target).resolve() if target else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_path_of_the_code_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert {path for path in CODE_PATH.findall(text) if not (PROJECT / path).exists()} == set()
    assert {
        name for name in MODULE.findall(text) if not any(path.endswith(f"/{name}") for path in MODULES)
    } == set()


def commands() -> list[str]:
    return sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_explained_with_an_example(command: str) -> None:
    rows = re.findall(
        rf"^\| `{command}` \| .+ \| `mist-pipeline {command}\b.*` \|$",
        text_of("docs/operations.md"),
        re.MULTILINE,
    )
    assert len(rows) == 1
    assert f"`{command}`" in text_of("README.md")


def test_every_room_is_on_the_map() -> None:
    rooms = {path.parent.name for path in (PROJECT / "mist_pipeline").glob("*/__init__.py")}
    assert {room for room in rooms if f"  {room}/ " not in text_of("README.md")} == set()
    assert {room for room in rooms if f"| `{room}` |" not in text_of("docs/architecture.md")} == set()


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = {target for target, _ in LINK.findall(text_of("docs/index.md"))}
    methods = {target for target, _ in LINK.findall(text_of("docs/methods/index.md"))}
    assert {page.name for page in PROJECT.glob("docs/*.md")} - {"index.md"} <= listed
    assert {page.name for page in PROJECT.glob("docs/methods/*.md")} - {"index.md"} <= methods


def test_the_sample_of_the_report_has_the_lines_that_the_report_prints_now() -> None:
    sample = text_of("README.md").partition("begins like this:")[2].split("```")[1]
    assert f"Severity and status: {SEVERITIES_IN_WORDS}." in " ".join(sample.split())
    assert max(map(len, sample.splitlines())) <= WIDTH
    printed = text_of("mist_pipeline/report/rendering/text.py").upper()
    headings = [line.rstrip("─ ") for line in sample.splitlines() if line.endswith(" ─") or "──" in line]
    assert headings
    assert [heading for heading in headings if f'"{heading}"' not in printed] == []


_TYPED = re.compile(r"(?:^|`)(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?mist-pipeline (?P<typed>[^`\n]+)", re.MULTILINE)
_ENDS = re.compile(r"\s+(?:#|>|<|\||&&|;)\s*|$")
"""Where a command ends and a comment, another program or a file begins."""


def typed(page: Path) -> list[str]:
    """Commands with options that a page tells to type; a name alone speaks of the command, and … stands for something."""
    found = (_ENDS.split(one["typed"], maxsplit=1)[0] for one in _TYPED.finditer(page.read_text("utf-8")))
    return [one for one in found if re.search(r"\s(?:-|'|\")|\d", one) and not re.search(r"…|\[|<", one)]


def parse(arguments: list[str]) -> None:
    """Read a command line as the command would, and run nothing.

    Raises:
        Exception: As typer says it: there is no such command or option, or a value is none.
    """
    command: Any = typer.main.get_command(app)
    context = command.make_context("mist-pipeline", arguments)
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_that_a_page_tells_to_type_is_one(page: Path) -> None:
    for one in typed(page):
        try:
            parse(shlex.split(one))
        except typer.Exit:
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, the page is wrong
            if "requires an argument" in str(error):
                continue  # it speaks of the option
            pytest.fail(f"{page.name}: mist-pipeline {one}: {error}")


def test_commands_that_are_none_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`mist-pipeline sql`, `mist-pipeline status --shot`\nMIST_X=1 mist-pipeline bla 3 > out # why\n",
        "utf-8",
    )
    assert typed(page) == ["status --shot", "bla 3"]
    for one in typed(page):
        with pytest.raises(Exception, match=r"[Nn]o such"):
            parse(shlex.split(one))


def test_the_longest_run_of_every_job_is_documented() -> None:
    rows = re.findall(r"^\| (`.*) \| (\d+) (min|h) \|$", text_of("docs/operations.md"), flags=re.MULTILINE)
    units = {"min": timedelta(minutes=1), "h": timedelta(hours=1)}
    told = {
        job: int(number) * units[unit] for jobs, number, unit in rows for job in re.findall(r"`(\w+)`", jobs)
    }
    assert told == MAX_RUNTIME
