"""The pages of the documentation that are made from code; a test fails where one is out of date."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from mist_pipeline.cli.app import app
from mist_pipeline.settings.template import configuration_page, template
from mist_pipeline.tables import PUBLIC_TABLES
from mist_pipeline.tables.schema import data_dictionary
from mist_pipeline.warehouse.views import VIEWS

CHECKOUT = Path(__file__).parents[2]


_MARKUP = re.compile(r"\[/?(?:cyan)?\]")
"""What colours an example in ``--help``."""


_FORMS: dict[Any, str] = {int: "NUMBER", float: "NUMBER", Path: "PATH"}


def commands_page() -> str:
    """Every command with its arguments and options, as ``--help`` has them."""
    lines = [
        "# Commands",
        "",
        "Made from the command line's own help by `make docs`; a test keeps it current. What they are for, and what to do when something is",
        "wrong, is in [operations](operations.md).",
        "",
        "Exit codes: 0 done, 1 it failed, 2 it was called or configured wrongly, 130 somebody stopped it; `status` has",
        "[its own](operations.md#in-scripts-and-checks).",
    ]
    root = typer.main.get_command(app)
    for path, command in _commands(root, "mist-pipeline"):
        told = [_MARKUP.sub("`", part) for part in inspect.cleandoc(command.help or "").split("\n\n")]
        lines += ["", f"## {path.removeprefix('mist-pipeline ')}", "", "\n\n".join(told), ""]
        lines += ["| | default | |", "|---|---|---|"]
        lines += [_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
    return "\n".join(lines) + "\n"


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        own = f"{path} {name}"
        yield own, command
        if hasattr(command, "commands"):
            yield from _commands(command, own)


def _parameter(one: Any) -> str:
    """A row of the table: how it is written, what it is without it, what it is for."""
    is_option = one.param_type_name == "option"
    names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts)) if is_option else ""
    kind = one.type_descriptor.annotation
    choices = "|".join(getattr(kind, "__members__", ()))
    form = one.metavar or choices or (_FORMS.get(kind, "TEXT") if is_option else one.display_name_raw.upper())
    value = "" if is_option and one.is_flag else f" `{form}`".replace("|", "\\|")
    default = one.default
    shown = "required" if one.required else "" if default in (None, False, True, "") else f"`{default}`"
    help_text = (one.help or "").replace("|", "\\|").replace("\n", " ")
    return f"| {names}{value} | {shown} | {help_text} |".replace("|  `", "| `")


def pages() -> dict[Path, str]:
    """Path below the project → content."""
    return {
        Path("docs/data-dictionary.md"): data_dictionary(
            PUBLIC_TABLES, {name: comment for name, (comment, _) in VIEWS.items()}
        ),
        Path("docs/configuration.md"): configuration_page(),
        Path("docs/commands.md"): commands_page(),
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
