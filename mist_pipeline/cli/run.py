"""Running jobs without the UI: ``run`` (one day), ``backfill`` (many) and ``retention``."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mist_pipeline.cli.console import console, literal, next_commands, progress_bar
from mist_pipeline.cli.failures import RunFailedError
from mist_pipeline.cli.moments import AskedDay, AsOf, asked_day
from mist_pipeline.cli.place import announce, need_data_folder

if TYPE_CHECKING:
    from mist_pipeline.cli.execution import Outcome
    from mist_pipeline.settings import Settings

SEARCH_DAYS = 7
"""Every series has its order searched on one weekday: so many days search each once."""


class Mode(StrEnum):
    """What ``run`` does for its day."""

    monitor = "monitor"
    insights = "insights"
    report = "report"
    all = "all"


JOBS: dict[Mode, str] = {
    Mode.monitor: "collect",
    Mode.insights: "analyse",
    Mode.report: "report",
    Mode.all: "daily",
}


def run(
    mode: Annotated[
        Mode,
        typer.Option(help="monitor: collect; insights: analyse; report: write it; all: the three in order."),
    ] = Mode.all,
    day: Annotated[
        AskedDay | None, typer.Option(parser=asked_day, metavar="DAY", help="Default: yesterday.")
    ] = None,
    notify: Annotated[
        bool | None,
        typer.Option(
            "--notify/--no-notify", help="Whether people are notified of the day; default: of yesterday."
        ),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Run one day headless. Without --day, monitor and all also poll what is going on right now.

    People are notified of yesterday and of now; of an older day only with --notify.

    Example: [cyan]mist-pipeline run --mode all --day 2026-03-01[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    instant = _instant(settings, as_of)
    yesterday = _yesterday(settings, instant)
    wanted = day.on(_today(settings, instant)) if day else yesterday
    is_recent = wanted >= yesterday
    hint = "an older day notifies people only with --notify" if notify is None else "--no-notify"
    announce(settings, notifies=is_recent if notify is None else notify, hint=hint)
    days = _checked_days(settings, wanted, wanted, instant)
    _check_place(settings, mode)
    jobs: list[tuple[str, Sequence[date]]] = [(JOBS[mode], days)]
    if mode in (Mode.monitor, Mode.all):
        jobs.insert(0, ("snapshots", ()))
        if day is None:
            jobs.append(("live", ()))
    jobs.append(("evaluate", ()))
    outcomes = in_turn(settings, jobs, instant, is_simulated=as_of is not None, notify=notify)
    print_outcomes(outcomes)
    next_commands(
        ("mist-pipeline report --open", "the page of the day"), ("mist-pipeline ui", "the runs in Dagster")
    )


def backfill(
    first: Annotated[
        AskedDay, typer.Option("--from", parser=asked_day, metavar="DAY", help="First day, as 2026-03-01.")
    ],
    last: Annotated[
        AskedDay | None,
        typer.Option("--to", parser=asked_day, metavar="DAY", help="Last day; default: yesterday."),
    ] = None,
    mode: Annotated[Mode, typer.Option(help="As for run.")] = Mode.all,
    notify: Annotated[
        bool,
        typer.Option("--notify", help="Notify people of the last day; otherwise a backfill notifies nobody."),
    ] = False,
    search_all: Annotated[
        bool,
        typer.Option(
            "--search-all/--search-last-week",
            help="Search the order of every series every week of the past, as if it had run then: a hundredth of a second each. "
            "Or once, in the last week, and earlier forecasts use the default order.",
        ),
    ] = True,
    as_of: AsOf = None,
) -> None:
    """Fill the history of many days in single runs: collect, analyse, and the report of the last day.

    Days that are there already are replaced by the same. What an interrupted backfill has fetched is not fetched again. Earlier days that
    have history and no analysis are analysed first (the lead-in), since forecasts, warnings and grades are made of those of earlier days.

    Example: [cyan]mist-pipeline backfill --from 2026-01-01 --to 2026-02-14[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    announce(settings, notifies=notify, hint="a backfill notifies people only with --notify")
    instant = _instant(settings, as_of)
    yesterday = _yesterday(settings, instant)
    today = _today(settings, instant)
    days = _checked_days(settings, first.on(today), last.on(today) if last else yesterday, instant)
    _check_place(settings, mode)
    jobs: list[tuple[str, Sequence[date]]] = []
    if mode in (Mode.monitor, Mode.all):
        jobs += [("snapshots", ()), ("collect", days)]
    if mode in (Mode.insights, Mode.all):
        jobs += analysis_jobs(settings, days, search_all=search_all)
    if notify:
        jobs.append(("evaluate", ()))
    if mode in (Mode.report, Mode.all):
        jobs.append(("report", days[-1:]))
    outcomes = in_turn(settings, jobs, instant, is_simulated=as_of is not None, notify=notify)
    print_outcomes(outcomes)
    again = []
    if wait_hours := sum(outcome.wait_hours for outcome in outcomes):
        span = f"--from {days[0]} --to {days[-1]}"
        promise = f"all of it, sharper; waits about {max(1, round(wait_hours))} h for calls"
        again.append((f"MIST_PIPELINE__MIST__DETAIL=full mist-pipeline backfill {span}", promise))
    next_commands(
        ("mist-pipeline report --open", "the page of the last day"),
        ("mist-pipeline sql", "query it"),
        *again,
    )


def analysis_jobs(
    settings: "Settings", days: Sequence[date], *, search_all: bool = True
) -> list[tuple[str, Sequence[date]]]:
    """The jobs of ``backfill`` that analyse its days and their lead-in, which is announced.

    Args:
        settings: The settings.
        days: The days of the backfill, in order.
        search_all: Whether orders are searched on all of them, or on the last week's alone.
    """
    from mist_pipeline.workflows.analysis.lead_in import lead_in, spans
    from mist_pipeline.workflows.warehouse_access import warehouse_of

    before = lead_in(warehouse_of(settings), days[0], settings.history.start)
    if found := before.analysed:
        console.print(
            f"Lead-in: {len(found)} earlier day{'s' if len(found) > 1 else ''} ({found[0]}{f' … {found[-1]}' if len(found) > 1 else ''}) "
            "with history and no analysis are analysed first.",
            markup=False,
            soft_wrap=True,
        )
    # Forecasts of a day use searches of earlier days, so searches come first.
    searched = [*before.searched, *days] if search_all else days[-SEARCH_DAYS:]
    return [
        *(("search", span) for span in spans(searched)),
        *(("analyse", span) for span in spans([*found, *days])),
    ]


def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be moved and removed.")
    ] = False,
) -> None:
    """Move old reports, raw files and hours into archives, after reading every archive back; remove what has had its day.

    Removed are answers of polls of days that were collected, runs of Dagster that are long over, and leftovers of killed processes.

    Example: [cyan]mist-pipeline retention --dry-run[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    need_data_folder(settings)
    if dry_run:
        from mist_pipeline.cli.reading.growing import print_dry_run

        print_dry_run(settings, datetime.now(UTC))
        return
    from mist_pipeline.cli.execution import execute

    with progress_bar() as bar:
        outcome = execute(settings, "retention", progress=bar)
    print_outcomes([outcome])


def _check_place(settings: "Settings", mode: Mode) -> None:
    """Refuse at once what every step that asks the cloud would refuse."""
    from mist_pipeline.workflows.cloud import Cloud

    if mode in (Mode.monitor, Mode.all):
        Cloud(settings).check_place()


_EARLIEST, _LATEST = date(1970, 1, 2), date(9998, 12, 31)
"""Outside of these, the day before or the time in the organisation's zone may not exist."""


def _instant(settings: "Settings", as_of: datetime | None) -> datetime:
    """As of when a command works.

    Raises:
        SettingsError: It has not come yet, and the cloud is a real one; a simulated one has a clock of its own, and says so.
            Or it is before history, or beyond the calendar.
    """
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.workflows.cloud import Cloud
    from mist_pipeline.workflows.running.instants import refuse_future

    now = datetime.now(UTC)
    if as_of is None:
        return now
    if Cloud(settings).is_real:
        refuse_future(as_of, now)
    first = max(settings.history.start, _EARLIEST)
    if not first <= as_of.date() <= _LATEST:
        raise SettingsError(
            f"--as-of {as_of.isoformat(sep=' ', timespec='minutes')} is not between the first day of history, {first}, "
            "and today. Correct it, or leave it out to work as of now."
        )
    return as_of


def _today(settings: "Settings", instant: datetime) -> date:
    return instant.astimezone(settings.organisation.zone).date()


def _yesterday(settings: "Settings", instant: datetime) -> date:
    return _today(settings, instant) - timedelta(days=1)


def _checked_days(settings: "Settings", first: date, last: date, instant: datetime) -> list[date]:
    from mist_pipeline.settings import SettingsError

    start, yesterday = settings.history.start, _yesterday(settings, instant)
    if first < start:
        raise SettingsError(
            f"{first} is before the first day of history, {start}. "
            f"Set history.start, for example MIST_PIPELINE__HISTORY__START={first}."
        )
    if last > yesterday:
        raise SettingsError(f"{last} is not over yet; the last whole day is {yesterday}.")
    if first > last:
        raise SettingsError(f"--from {first} is after --to {last}.")
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def in_turn(
    settings: "Settings",
    jobs: Sequence[tuple[str, Sequence[date]]],
    instant: datetime,
    *,
    is_simulated: bool = False,
    notify: bool | None = None,
) -> "list[Outcome]":
    """Run jobs one after another, those with days over their days; what fails stops those behind it.

    Args:
        settings: The settings.
        jobs: Names with their days; jobs about now have none.
        instant: As of when days are made.
        is_simulated: Jobs about now, too, are run as of ``instant`` and not of their own beginning.
        notify: Whether people are notified of the last day; None: of yesterday alone.
    """
    from mist_pipeline.cli.execution import execute, execute_days

    outcomes: list[Outcome] = []
    with progress_bar() as bar:
        for place, (job, days) in enumerate(jobs, start=1):
            if days:
                # Of several spans of a job (lead-in, days of the backfill) only the last ends with the last day.
                is_last = all(later != job for later, _ in jobs[place:])
                asked = notify if is_last else False
                outcomes += execute_days(settings, job, days, progress=bar, as_of=instant, notify=asked)
            else:
                at = instant if is_simulated else None
                outcomes.append(execute(settings, job, progress=bar, as_of=at))
            if not outcomes[-1].is_success:
                break
    return outcomes


def print_outcomes(outcomes: "Sequence[Outcome]") -> None:
    """Print how runs ended.

    Raises:
        RunFailedError: One of them failed.
    """
    table = Table("job", "days", "seconds", "rows", "", box=None, pad_edge=False)
    for outcome in outcomes:
        verdict = "[green]done[/]" if outcome.is_success else "[red]failed[/]"
        table.add_row(outcome.job, outcome.days, f"{outcome.seconds:.1f}", f"{outcome.rows:,}", verdict)
    console.print(table)
    for outcome in outcomes:
        for warning in (*outcome.warnings, *(f"not asked: {what}" for what in outcome.left_out)):
            console.print(f"[yellow]![/] {literal(warning)}")
    broken = [failure for outcome in outcomes for failure in outcome.failures]
    if broken:
        raise RunFailedError("\n".join(broken))
