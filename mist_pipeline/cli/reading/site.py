"""``site``: one site in full, or a list of all. Not here: which site is meant (``overview.brief.finding``), how it looks (``watch.pages``)."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.moments import AsOf
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.options import Csv, Json, Output, Parquet, Wide, output_of
from mist_pipeline.domain.text import clean, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mist_pipeline.overview.model import Now, SiteDetail, SiteNow

_MOST_LISTED = 10


def site(
    name: Annotated[
        str | None,
        typer.Argument(metavar="SITE", help="Name, id, or the beginning of one; without it: all sites."),
    ] = None,
    matching: Annotated[
        str, typer.Option("--filter", help='Of the list: words, or matchers such as site_group="North".')
    ] = "",
    as_json: Json = False,
    csv: Csv = False,
    parquet: Parquet = None,
    wide: Wide = False,
    as_of: AsOf = None,
) -> None:
    """Show a site: service levels, what is blamed, incidents, devices; or list the sites, the worst first.

    Example: [cyan]mist-pipeline site "Cologne 3"[/]

    A list: [cyan]mist-pipeline site --filter critical --csv[/]
    """
    from mist_pipeline.overview.orders import chosen_sites
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.present.overview import overview

    output = output_of(as_json=as_json, csv=csv, parquet=parquet, wide=wide)
    settings = load_settings()
    need_data_folder(settings)
    clock, _stands = clock_of(settings, as_of)
    questions = overview(settings)
    now = questions.now(clock())
    if name is None:
        _list(now, chosen_sites(now.sites, now.labels, matching, "status"), output)
        return
    if output.form not in {"table", "json"}:
        raise typer.BadParameter(f"a single site is no table; leave out {clean(name, 40)!r} for the list")
    detail = questions.site(_meant(name, now).site_id, now.at)
    if as_json:
        from mist_pipeline.cli.printing.rows import print_json

        print_json(_document(detail))
        return
    from mist_pipeline.cli.printing.rows import print_lines
    from mist_pipeline.cli.printing.terminal import glyphs, width
    from mist_pipeline.watch.pages import site_page

    print_lines(site_page(detail, width(), glyphs()))


def _meant(name: str, now: "Now") -> "SiteNow":
    """The one site that is meant.

    Raises:
        typer.BadParameter: None is, or several.
    """
    from mist_pipeline.overview.brief.finding import near_names, sites_meant

    found = sites_meant(name, now.sites)
    if len(found) == 1:
        return found[0]
    shown = clean(name, 60)
    if found:
        listed = ", ".join(f"{one.label} ({clean(one.site_id, 40)})" for one in found[:_MOST_LISTED])
        more = f" and {len(found) - _MOST_LISTED:,} more" if len(found) > _MOST_LISTED else ""
        raise typer.BadParameter(
            f"{count(len(found), 'site')} are meant by {shown!r}: {listed}{more}; type more of one, or its id",
            param_hint="SITE",
        )
    near = near_names(name, now.sites)
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    elif now.sites:
        hint = f"{count(len(now.sites), 'site')} are known; `mist-pipeline site` lists them"
    else:
        hint = "none was seen yet"
    raise typer.BadParameter(f"there is no site {shown!r}; {hint}", param_hint="SITE")


def _list(now: "Now", sites: "Sequence[SiteNow]", output: Output) -> None:
    from rich.text import Text

    from mist_pipeline.cli.console import console
    from mist_pipeline.cli.printing.rows import Field, print_rows
    from mist_pipeline.cli.printing.terminal import glyphs
    from mist_pipeline.domain.metrics import title_of
    from mist_pipeline.watch.glyphs import status_style
    from mist_pipeline.watch.lines import down, number

    signs = glyphs()
    fields: list[Field[SiteNow]] = [
        Field("site_id", lambda one: one.site_id),
        Field("status", lambda one: one.status, heading="status",
              said=lambda one: Text(f"{signs.status[one.status]} {one.status}", style=status_style(one.status))),
        Field("site", lambda one: one.label, heading="site", least=12),
        Field("worst_metric", lambda one: one.worst_metric, heading="worst", said=lambda one: title_of(one.worst_metric), least=9),
        Field("worst_pct", lambda one: one.worst_pct, float, heading="%", said=lambda one: down(one.worst_pct, signs, 1), is_number=True),
        Field("trend", lambda one: one.trend, heading=" ", said=lambda one: signs.trend.get(one.trend, "")),
        Field("health", lambda one: one.health, float, heading="health", said=lambda one: down(one.health, signs), is_number=True),
        Field("health_change", lambda one: one.health_change, float, heading="+/-",
              said=lambda one: number(one.health_change, signs, signed=True), is_number=True),
        Field("clients", lambda one: one.clients, int, heading="clients",
              said=lambda one: signs.dash if one.clients is None else f"{one.clients:,}", is_number=True),
        Field("incidents", lambda one: len(one.incident_ids), int, heading="open", is_number=True,
              said=lambda one: f"{len(one.incident_ids):,}" if one.incident_ids else ""),
        Field("groups", lambda one: ", ".join(one.groups), heading="groups", least=6),
        Field("changed_since", lambda one: one.changed_since, datetime),
        Field("forecast_metric", lambda one: one.forecast_metric),
        Field("forecast_days", lambda one: one.forecast_days, float),
        Field("last_status", lambda one: one.last_status),
    ]  # fmt: skip
    print_rows(sites, fields, output)
    if output.is_table:
        console.print(
            f"{count(len(sites), 'site')}; now: {now.live.words(now.at)}; days: {now.days.words(now.at)}",
            style="dim", markup=False, soft_wrap=True,
        )  # fmt: skip


def _document(detail: "SiteDetail") -> dict[str, object]:
    """A site for programs: what the screen shows, by name."""
    known = asdict(detail)
    for name in ("live", "days", "ledger"):
        source = getattr(detail, name)
        known[name] = {
            "as_of": source.as_of,
            "is_stale": source.is_stale(detail.at),
            "trouble": source.trouble,
        }
    names = {
        "classifiers": ("metric", "classifier", "degraded_user_minutes"),
        "findings": ("severity", "metric", "sentence"),
        "devices": ("kind", "name", "model", "firmware", "status", "clients"),
    }
    for key, columns in names.items():
        known[key] = [dict(zip(columns, row, strict=True)) for row in getattr(detail, key)]
    return known
