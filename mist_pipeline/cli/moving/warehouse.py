"""``warehouse``: where the warehouse is, and what of it is given up.

Here: options and words. Not here: copying (``mist_pipeline.warehouse.moving``), files of old hours (``mist_pipeline.warehouse.hours.aged``).
"""

import calendar
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.console import console, next_commands, progress_bar
from mist_pipeline.domain.text import clean, count

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def warehouse() -> None:
    """The warehouse: copy it to another place, as to one that several machines share; give up hours that were lost.

    Example: [cyan]mist-pipeline warehouse move --to 'ducklake:postgres:host=db dbname=mist user=mist' --data-path s3://bucket/mist[/]
    """


@app.command()
def move(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="Where to: as `warehouse.url`, without a password (PGPASSWORD), or the path of a new file, which ends in .duckdb.",
        ),
    ],
    data_path: Annotated[
        str,
        typer.Option(
            "--data-path", metavar="PLACE", help="Where its files are to be: as `warehouse.data_path`."
        ),
    ] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="As `warehouse.name`.")] = "",
) -> None:
    """Copy the warehouse, table by table, and compare every row. The one that is there stays as it is; then say what to configure.

    The new place has to be empty. What was interrupted goes on where it was when the same is typed again. Stop the daemon first, or what it writes
    meanwhile stays behind.

    Example: [cyan]mist-pipeline warehouse move --to 'ducklake:postgres:host=db dbname=mist user=mist' --data-path s3://bucket/mist[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.warehouse.moving import move as copy
    from mist_pipeline.warehouse.place import WarehouseFile
    from mist_pipeline.warehouse.store import Warehouse
    from mist_pipeline.workflows.warehouse_access import warehouse_of, warehouse_place

    settings = load_settings()
    place = (
        WarehouseFile(Path(to).absolute())
        if to.endswith(".duckdb")
        else warehouse_place(_elsewhere(settings, to, data_path, name))
    )
    source = warehouse_of(settings)
    with progress_bar() as bar:
        moved = copy(source, Warehouse(place), bar)
    again = (
        f"; {moved.num_rows - moved.num_copied:,} were there from an earlier try"
        if moved.num_copied < moved.num_rows
        else ""
    )
    console.print(
        f"{moved.num_rows:,} rows of {count(moved.num_tables, 'table')} are at {clean(str(place), 300)} as they are at {source.place}{again}.",
        markup=False,
        soft_wrap=True,
    )
    if isinstance(place, WarehouseFile):
        next_commands(
            (f"mv {place.path} {settings.warehouse_path}", "and remove `warehouse` from the configuration"),
        )
        return
    next_commands(
        (
            f"export MIST_PIPELINE__WAREHOUSE__URL='{to}'",
            "or warehouse.url in the configuration of every machine",
        ),
        (f"export MIST_PIPELINE__WAREHOUSE__DATA_PATH={data_path}", "or warehouse.data_path"),
        *(((f"export MIST_PIPELINE__WAREHOUSE__NAME={name}", "or warehouse.name"),) if name else ()),
        (
            "mist-pipeline doctor",
            "says that it can be reached, and what it consists of; then the old one may go",
        ),
    )


@app.command("forget-hours")
def forget_hours(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-01.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Give up old hours of a month whose files are damaged or lost, so that everything else can be read again.

    Of files in [cyan]hours/[/] that are sound nothing is given up. Restore a file from the backup instead, where there is one.

    Example: [cyan]mist-pipeline warehouse forget-hours 2026-01[/]
    """
    from mist_pipeline.settings import SettingsError, load_settings
    from mist_pipeline.warehouse.hours.aged import forget_damaged
    from mist_pipeline.warehouse.place import WarehouseFile
    from mist_pipeline.workflows.warehouse_access import warehouse_of

    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise SettingsError(f"{clean(month, 40)!r} is no month, such as 2026-01") from None
    warehouse = warehouse_of(load_settings())
    place = warehouse.place
    if not isinstance(place, WarehouseFile) or not place.exists():
        raise SettingsError(f"{place} has no hours in files of their own")
    if not yes:
        typer.confirm(f"Give up the hours of {month} whose files are damaged?", abort=True)
    with warehouse.writing() as connection:
        gone = forget_damaged(connection, place.path, first)
    for one in gone:
        console.print(
            f"{one.num_rows:,} rows of history.{one.table_name} are given up: {one.path}",
            markup=False,
            soft_wrap=True,
        )
    if not gone:
        console.print(f"No file with hours of {month} is damaged; nothing was changed.", markup=False)
        return
    days = calendar.monthrange(first.year, first.month)[1]
    next_commands(
        (
            f"dagster asset materialize -m mist_pipeline.definitions --select 'group:history' --partition-range {first}...{month}-{days}",
            "makes the days again from raw files (docs/operations.md, Rebuilding history without network)",
        ),
        ("mist-pipeline doctor --deep", "names what else is damaged"),
    )


def _elsewhere(settings: "Settings", url: str, data_path: str, name: str) -> "Settings":
    """The settings as they would be with that warehouse.

    Raises:
        SettingsError: It is none, or holds a password, which everybody could read in the list of processes.
    """
    from pydantic import SecretStr, ValidationError

    from mist_pipeline.http_client.secrets import password_of
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.settings.warehouse import PREFIX, SharedWarehouse

    if password_of(url.removeprefix(PREFIX)):
        raise SettingsError(
            "--to holds a password, which others can read in the list of processes; use PGPASSWORD."
        )
    try:
        there = SharedWarehouse(url=SecretStr(url), data_path=data_path, name=name)
    except ValidationError as error:
        first = error.errors()[0]
        option = {"url": "--to ", "data_path": "--data-path ", "name": "--name "}.get(
            str((*first["loc"], "")[0]), "--to: "
        )
        raise SettingsError(f"{option}{first['msg'].removeprefix('Value error, ')}") from None
    return settings.model_copy(update={"warehouse": there})
