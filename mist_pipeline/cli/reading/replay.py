"""``replay``: past weeks again with a virtual clock, notifying nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.alerts.tables import alert_csv
from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.console import Bar, console, progress_bar, shown
from mist_pipeline.cli.moments import AskedDay, asked_day
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.rows import Grid, print_json
from mist_pipeline.domain.severity import WORST_FIRST
from mist_pipeline.domain.text import count

if TYPE_CHECKING:
    from mist_pipeline.alerts.lifecycle.observations import EvaluationInput


def replay(
    first_day: Annotated[
        AskedDay, typer.Option("--from", parser=asked_day, metavar="DAY", help="First day, as 2026-03-01.")
    ],
    last_day: Annotated[
        AskedDay, typer.Option("--to", parser=asked_day, metavar="DAY", help="Last day, or yesterday.")
    ],
    export: Annotated[Path, typer.Option(help="Folder for alerts.csv and events.csv.")],
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="Another configuration file, to compare.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run findings and the life of alerts over stored history, hour by hour, and write what people would have been notified of.

    Live evaluations that were kept are replayed as they were; with --settings all hours are evaluated anew. Needs the
    history and analysis of these days (`mist-pipeline backfill`). Sends nothing and changes nothing.

    Example: [cyan]mist-pipeline replay --from 2026-02-01 --to 2026-02-28 --export /tmp/february[/]
    """
    from mist_pipeline.alerts.lifecycle.replay import replay as run_again
    from mist_pipeline.settings import SettingsError, load_settings
    from mist_pipeline.warehouse.store import Warehouse
    from mist_pipeline.workflows.analysis.replay import evaluation_inputs, kept_of_days, number_of_sites

    settings = load_settings(settings_file)
    need_data_folder(settings)
    clock, _stands = clock_of(settings, None)
    today = clock().astimezone(settings.organisation.zone).date()
    first, last = first_day.on(today), last_day.on(today)
    if first > last:
        raise SettingsError(f"--from {first} is after --to {last}.")
    if last > today:
        raise SettingsError(f"--to {last} has not come yet; today is {today}.")
    warehouse = Warehouse(settings.warehouse_path)
    sites = number_of_sites(warehouse, first, last)
    if not sites:
        raise FileNotFoundError(
            f"There is no history between {first} and {last}; fill it with "
            f"`mist-pipeline backfill --from {first} --to {last}`."
        )
    total = ((last - first).days + 1) * 25
    with progress_bar() as bar:
        looks = None if settings_file else kept_of_days(settings, first, last)
        seen = _counted(evaluation_inputs(warehouse, settings, first, last, looks), bar, total)
        result = run_again(seen, settings.alerts.policy())
        bar("replaying", total, total)
    export.mkdir(parents=True, exist_ok=True)
    alerts, events = export / "alerts.csv", export / "events.csv"
    alerts.write_text(alert_csv(result.alerts), encoding="utf-8")
    events.write_text(alert_csv(result.event_frame()), encoding="utf-8")
    numbers = [
        {"severity": severity, "alerts": rows.height, "still_open": rows["resolved_at"].null_count()}
        for severity in WORST_FIRST
        for rows in [result.alerts.filter(result.alerts["severity"] == severity)]
    ]
    incidents = result.alerts["incident_id"].n_unique()
    if as_json:
        files = {"alerts": str(alerts), "events": str(events)}
        print_json({"incidents": incidents, "by_severity": numbers, "files": files})
        return
    grid = Grid("severity", Column("alerts", is_number=True), Column("still open", is_number=True))
    for row in numbers:
        grid.add_row(*map(str, row.values()))
    grid.print()
    console.print(f"{count(incidents, 'incident')}. Wrote {shown(alerts)} and {shown(events)}.")


def _counted(steps: "Iterator[EvaluationInput]", bar: Bar, total: int) -> "Iterator[EvaluationInput]":
    for number, step in enumerate(steps):
        if number % 24 == 0:
            bar("replaying", min(number, total), total)
        yield step
