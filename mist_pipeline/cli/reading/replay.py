"""``replay``: past weeks again with a virtual clock, notifying nobody; under one configuration, or under several at once."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from mist_pipeline.cli.alerts.tables import alert_csv
from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.console import Bar, console, next_commands, progress_bar, shown
from mist_pipeline.cli.moments import AskedDay, asked_day
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.rows import Grid, print_json
from mist_pipeline.domain.severity import WORST_FIRST
from mist_pipeline.domain.text import count

if TYPE_CHECKING:
    from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
    from mist_pipeline.alerts.lifecycle.replay import Replay
    from mist_pipeline.report.document.replay_model import ReplayDocument
    from mist_pipeline.settings import Settings
    from mist_pipeline.warehouse.store import Warehouse
    from mist_pipeline.workflows.replaying.runs import Configuration, Runs

DEFAULT_DAYS = 28
FirstDay = Annotated[
    AskedDay | None,
    typer.Option(
        "--from", parser=asked_day, metavar="DAY", help="First day, as 2026-03-01; four weeks by default."
    ),
]
LastDay = Annotated[
    AskedDay | None,
    typer.Option("--to", parser=asked_day, metavar="DAY", help="Last day; yesterday by default."),
]


def replay(
    first_day: FirstDay = None,
    last_day: LastDay = None,
    export: Annotated[
        Path | None,
        typer.Option(
            help="Folder for alerts.csv and events.csv, of several configurations in folders of their own."
        ),
    ] = None,
    settings_file: Annotated[
        Path | None,
        typer.Option("--settings", help="Another configuration file instead of the one in force."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Another configuration file: what it would change, alert by alert."
        ),
    ] = None,
    sensitivity: Annotated[
        str, typer.Option(metavar="LEVELS", help="What each sensitivity costs: low,normal,high.")
    ] = "",
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the comparison, or the curve, as an HTML page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run findings and the life of alerts over stored history, hour by hour: what people would have been notified of.

    Live evaluations that were kept are replayed as they were; with --settings, --compare or --sensitivity all hours are evaluated
    anew. Needs the history and analysis of these days (`mist-pipeline backfill`). Sends nothing and changes nothing.

    Example: [cyan]mist-pipeline replay --from 2026-02-01 --to 2026-02-28 --compare strict.yaml --page strict.html[/]
    """
    from mist_pipeline.settings import SettingsError, load_settings

    if compare and sensitivity:
        raise typer.BadParameter("--compare and --sensitivity are two questions; ask one at a time.")
    if page and not (compare or sensitivity):
        raise typer.BadParameter("--page needs --compare or --sensitivity.")
    base = load_settings()
    settings = load_settings(settings_file) if settings_file else base
    warehouse, first, last = span_of(base, first_day, last_day)
    if compare is None and not sensitivity:
        result = _alone(warehouse, base, settings, first, last)
        _print_alone(result, _exported(result, export) if export else {}, as_json=as_json)
        return
    try:
        wanted = _compared(settings, compare) if compare else _levels(settings, sensitivity)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    runs = run(warehouse, base, wanted, first, last)
    document = _document(warehouse, base, runs, is_comparison=compare is not None)
    if export:
        for outcome in runs.outcomes:
            _exported(outcome.replay, export / outcome.configuration.name.replace("/", "_"))
    if page:
        from mist_pipeline.report.rendering.replay_page import replay_page

        page.write_text(replay_page(document), encoding="utf-8")
    if as_json:
        print_json(document)
        return
    from mist_pipeline.cli.reading.replay_tables import print_document

    print_document(document)
    if page:
        console.print(f"\nWrote {shown(page)}.", markup=False)
    next_commands(
        ("mist-pipeline tune --messages-a-day 3", "a configuration for a wish, tried on days of its own")
        if sensitivity
        else ("mist-pipeline replay --sensitivity low,normal,high", "what each sensitivity costs")
    )


def span_of(
    settings: "Settings", first_day: AskedDay | None, last_day: AskedDay | None, days: int = DEFAULT_DAYS
) -> "tuple[Warehouse, date, date]":
    """The warehouse, and the days that are meant.

    Raises:
        SettingsError: The days are in the wrong order, or have not come yet.
        FileNotFoundError: There is no history of them.
    """
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.workflows.analysis.replay import number_of_sites
    from mist_pipeline.workflows.warehouse_access import warehouse_of

    need_data_folder(settings)
    clock, _stands = clock_of(settings, None)
    today = clock().astimezone(settings.organisation.zone).date()
    last = (last_day or AskedDay("yesterday")).on(today)
    first = first_day.on(today) if first_day else last - timedelta(days=days - 1)
    if first > last:
        raise SettingsError(f"--from {first} is after --to {last}.")
    if last > today:
        raise SettingsError(f"--to {last} has not come yet; today is {today}.")
    warehouse = warehouse_of(settings)
    if not number_of_sites(warehouse, first, last):
        raise FileNotFoundError(
            f"There is no history between {first} and {last}; fill it with "
            f"`mist-pipeline backfill --from {first} --to {last}`."
        )
    return warehouse, first, last


def run(
    warehouse: "Warehouse", base: "Settings", wanted: "list[Configuration]", first: date, last: date
) -> "Runs":
    """Replay days under several configurations, with a progress bar."""
    from mist_pipeline.workflows.replaying.runs import replays

    with progress_bar() as bar:
        return replays(warehouse, base, wanted, first, last, bar)


def _compared(settings: "Settings", compare: Path) -> "list[Configuration]":
    """The configuration in force, or the one that was given, and the other one."""
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.replaying.runs import Configuration

    names = [shown(settings.source) if settings.source else "defaults", shown(compare)]
    return [
        Configuration(name, one) for name, one in zip(names, (settings, load_settings(compare)), strict=True)
    ]


def _levels(settings: "Settings", sensitivity: str) -> "list[Configuration]":
    """A configuration for each level."""
    from mist_pipeline.settings.notifications import Sensitivity
    from mist_pipeline.workflows.replaying.runs import at_sensitivity

    asked = [one.strip() for one in sensitivity.split(",") if one.strip()]
    unknown = [one for one in asked if one not in get_args(Sensitivity)]
    if unknown or not asked:
        raise typer.BadParameter(
            f"--sensitivity {', '.join(unknown) or 'is empty'}: use {', '.join(get_args(Sensitivity))}."
        )
    return [at_sensitivity(settings, level) for level in get_args(Sensitivity) if level in asked]


def _document(
    warehouse: "Warehouse", base: "Settings", runs: "Runs", *, is_comparison: bool
) -> "ReplayDocument":
    from mist_pipeline.workflows.replaying.comparison import comparison, curve

    return comparison(warehouse, base, runs) if is_comparison else curve(base, runs)


def _alone(
    warehouse: "Warehouse", base: "Settings", settings: "Settings", first: date, last: date
) -> "Replay":
    """One configuration: the one in force with what was kept, another one from closed hours alone."""
    from mist_pipeline.alerts.lifecycle.replay import replay as run_again
    from mist_pipeline.workflows.analysis.replay import evaluation_inputs, kept_of_days
    from mist_pipeline.workflows.replaying.runs import Configuration

    if settings is not base:
        return run(warehouse, base, [Configuration("given", settings)], first, last).outcomes[0].replay
    total = ((last - first).days + 1) * 25
    with progress_bar() as bar:
        inputs = evaluation_inputs(warehouse, base, first, last, kept_of_days(base, first, last))
        result = run_again(_counted(inputs, bar, total), base.alerts.policy())
        bar("replaying", total, total)
    return result


def _exported(result: "Replay", folder: Path) -> dict[str, str]:
    """Write alerts and events; where to."""
    folder.mkdir(parents=True, exist_ok=True)
    alerts, events = folder / "alerts.csv", folder / "events.csv"
    alerts.write_text(alert_csv(result.alerts), encoding="utf-8")
    events.write_text(alert_csv(result.event_frame()), encoding="utf-8")
    return {"alerts": str(alerts), "events": str(events)}


def _print_alone(result: "Replay", files: dict[str, str], *, as_json: bool) -> None:
    numbers = [
        {"severity": severity, "alerts": rows.height, "still_open": rows["resolved_at"].null_count()}
        for severity in WORST_FIRST
        for rows in [result.alerts.filter(result.alerts["severity"] == severity)]
    ]
    incidents = result.alerts["incident_id"].n_unique()
    if as_json:
        print_json({"incidents": incidents, "by_severity": numbers, "files": files})
        return
    grid = Grid("severity", Column("alerts", is_number=True), Column("still open", is_number=True))
    for row in numbers:
        grid.add_row(*map(str, row.values()))
    grid.print()
    wrote = " and ".join(shown(Path(name)) for name in files.values())
    console.print(f"{count(incidents, 'incident')}.{f' Wrote {wrote}.' if wrote else ''}", markup=False)


def _counted(steps: "Iterator[EvaluationInput]", bar: Bar, total: int) -> "Iterator[EvaluationInput]":
    for number, step in enumerate(steps):
        if number % 24 == 0:
            bar("replaying", min(number, total), total)
        yield step
