"""How an answer is wanted: the options that every list has, and what they mean together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Csv: TypeAlias = Annotated[bool, typer.Option("--csv", help="Print CSV, safe for spreadsheets.")]
Parquet: TypeAlias = Annotated[
    Path | None, typer.Option("--parquet", metavar="FILE", help="Write the rows into a Parquet file.")
]
Wide: TypeAlias = Annotated[
    bool, typer.Option("--wide", help="Cut nothing off, however wide the terminal is.")
]


@dataclass(frozen=True)
class Output:
    """How rows are wanted.

    Attributes:
        form: ``table`` for people, ``json``, ``csv`` or ``parquet``.
        file: Of Parquet.
        is_wide: Nothing of a table is cut off.
    """

    form: str = "table"
    file: Path | None = None
    is_wide: bool = False

    @property
    def is_table(self) -> bool:
        """Whether people read it."""
        return self.form == "table"


def output_of(*, as_json: bool, csv: bool, parquet: Path | None, wide: bool) -> Output:
    """What the options mean together.

    Raises:
        typer.BadParameter: More than one form was asked for, or the file of Parquet has no folder.
    """
    given = {"json": as_json, "csv": csv, "parquet": parquet is not None}
    forms = [name for name, is_wanted in given.items() if is_wanted]
    if len(forms) > 1:
        raise typer.BadParameter(f"give one of {', '.join(f'--{name}' for name in forms)}")
    if parquet is not None and not parquet.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {parquet.absolute().parent}", param_hint="--parquet")
    return Output("".join(forms) or "table", parquet, wide)
