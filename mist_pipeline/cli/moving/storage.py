"""``storage``: the files that several machines may share.

Here: options and words. Not here: copying (``workflows.move_files``).
"""

from typing import Annotated

import typer

from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.domain.text import count

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def storage() -> None:
    """The files that several machines may share: copy them to another place.

    Example: [cyan]mist-pipeline storage move --to s3://bucket/mist[/]
    """


@app.command()
def move(
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="URL", help="Where to: s3://, gs://, abfss://, or the absolute path of a folder."
        ),
    ],
) -> None:
    """Copy all raw files and kept evaluations to another place and compare every one. Nothing is removed; then set storage.url to it.

    Stop the daemon first. Files that are there already are compared alone, so an interrupted copy goes on where it was.

    Example: [cyan]mist-pipeline storage move --to s3://bucket/mist[/]
    """
    from mist_pipeline.settings import SettingsError, load_settings
    from mist_pipeline.workflows import move_files, shared_files

    settings = load_settings()
    try:
        target = shared_files.store_at(settings, to)
    except ValueError as error:
        raise SettingsError(f"--to {error}") from None
    parts = {
        shared_files.RAW: shared_files.raw_store(settings).files,
        shared_files.EVALUATIONS: shared_files.evaluation_files(settings),
    }
    if any(source.address() == target.address(name) for name, source in parts.items()):
        raise SettingsError(f"the files are at {target.address()} already")
    settings.data.mkdir(parents=True, exist_ok=True)
    for name, source in parts.items():
        entries = move_files.to_copy(source)
        with console.status(f"Copying {source.address()} …"):
            copied = move_files.copy_files(source, target.within(name), entries, settings.data)
        console.print(
            f"{count(copied.num_files, 'file')} ({copied.num_bytes / 1024**2:,.1f} MiB) of {source.address()} "
            f"read back as they are at {target.address(name)}; {copied.num_there:,} were there.",
            markup=False,
            soft_wrap=True,
        )
    next_commands(
        (
            f"export MIST_PIPELINE__STORAGE__URL={to.rstrip('/')}",
            "or storage.url in the configuration of every machine",
        ),
        ("mist-pipeline doctor --deep", "reads every file at its new place; then the old ones may go"),
    )
