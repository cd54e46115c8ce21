"""``watch``: the live screen. Here: options and wiring. Not here: the screen (``watch``), its data (``overview``)."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.alerts.arguments import user
from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.moments import AsOf
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.terminal import glyphs, need_terminal, width

if TYPE_CHECKING:
    from mist_pipeline.overview.model import Now
    from mist_pipeline.settings import Settings


def watch(
    every: Annotated[int, typer.Option(min=5, max=600, metavar="SECONDS", help="Between two readings.")] = 10,
    once: Annotated[bool, typer.Option("--once", help="Print the screen once and exit.")] = False,
    as_json: Json = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Print nothing but ASCII.")] = False,
    bell: Annotated[
        bool, typer.Option("--bell", help="Ring when a site gets worse or an incident begins.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(help="In whose name you decide; default: you, as the operating system knows you."),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Watch the organisation live: sites, incidents, the pipeline itself. Keys: press ?. Of several organisations it lists all; enter opens one.

    Example: [cyan]mist-pipeline watch --every 5[/]
    """
    from mist_pipeline.cli.serving.served import is_about_all
    from mist_pipeline.settings import load_settings

    def enter(settings: "Settings") -> None:
        _screen(settings, every=every, ascii_only=ascii_only, bell=bell, by=by, as_of=as_of)

    if is_about_all():
        from mist_pipeline.cli.reading.several import watch_all

        watch_all(enter, once=once, as_json=as_json, ascii_only=ascii_only, as_of=as_of)
        return
    settings = load_settings()
    need_data_folder(settings)
    if not (once or as_json):
        need_terminal()
        enter(settings)
        return
    from mist_pipeline.workflows.present.overview import overview

    clock, _stands = clock_of(settings, as_of)
    now = overview(settings).now(clock())
    if as_json:
        sys.stdout.write(json.dumps(_data(now), indent=2, default=_plain) + "\n")
        return
    from mist_pipeline.cli.printing.rows import print_lines
    from mist_pipeline.overview.orders import chosen_sites
    from mist_pipeline.watch.lines import whole_screen

    signs = glyphs(ascii_only=ascii_only)
    print_lines(whole_screen(now, chosen_sites(now.sites, now.labels, "", "status"), width(), signs))


def _screen(
    settings: "Settings", *, every: int, ascii_only: bool, bell: bool, by: str | None, as_of: datetime | None
) -> None:
    """The screens of one organisation, until somebody quits."""
    from mist_pipeline.watch.app import WatchApp
    from mist_pipeline.watch.browser import Pages
    from mist_pipeline.watch.main_screen import MainScreen
    from mist_pipeline.workflows.present.actions import ScreenActions
    from mist_pipeline.workflows.present.overview import overview
    from mist_pipeline.workflows.shared_publishing import keep_fresh

    keep_fresh(settings)
    clock, _stands = clock_of(settings, as_of)
    WatchApp(
        overview(settings),
        ScreenActions(settings, user(by)),
        clock,
        MainScreen,
        every=every,
        glyphs=glyphs(ascii_only=ascii_only),
        bell=bell,
        pages=Pages(settings.web.console_url),
    ).run()


def _data(now: "Now") -> dict[str, object]:
    """Everything on the screen, without the labels behind it."""
    known = asdict(now)
    del known["labels"]
    for name in ("live", "days", "ledger"):
        source = getattr(now, name)
        age = source.age(now.at)
        known[name] = {
            "as_of": source.as_of,
            "age_seconds": None if age is None else age.total_seconds(),
            "is_stale": source.is_stale(now.at),
            "trouble": source.trouble,
        }
    return known


def _plain(value: object) -> object:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
