"""``status``: how it stands now, on one screen and in one exit code. Not here: the verdict (``overview.brief.verdict``)."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.console import console
from mist_pipeline.cli.moments import AsOf
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.options import Json

if TYPE_CHECKING:
    from rich.text import Text

    from mist_pipeline.overview.brief.verdict import Verdict
    from mist_pipeline.overview.model import Now, Source

_STYLES = {"OK": "bold green", "WARNING": "bold yellow", "CRITICAL": "bold red"}
_MOST = 10
"""Sites and incidents on the screen."""


def status(
    as_json: Json = False,
    short: Annotated[bool, typer.Option("--short", help="The first line alone, for checks.")] = False,
    as_of: AsOf = None,
) -> None:
    """Say how the organisation and the pipeline are now. Exit code 0 well, 1 warning, 2 critical or not known, as checks of Nagios.

    Of several organisations a line each, the worst first, and the worst exit code.

    Example: [cyan]mist-pipeline status --short[/]
    """
    from mist_pipeline.cli.serving.served import is_about_all

    if is_about_all():
        _status_of_all(as_json=as_json, short=short, as_of=as_of)
        return
    from mist_pipeline.overview.brief.verdict import verdict
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.present.overview import overview

    settings = load_settings()
    need_data_folder(settings)
    clock, _stands = clock_of(settings, as_of)
    now = overview(settings).now(clock())
    found = verdict(now)
    if as_json:
        from mist_pipeline.cli.printing.rows import print_json

        print_json(_document(now, found))
    else:
        console.print(f"[{_STYLES[found.level]}]{found.level}[/]: ", end="")
        console.print("; ".join(found.reasons), markup=False, soft_wrap=True)
        if not short:
            _show(now)
    if found.code:
        raise typer.Exit(found.code)


def _status_of_all(*, as_json: bool, short: bool, as_of: datetime | None) -> None:
    from mist_pipeline.cli.printing.rows import print_json
    from mist_pipeline.cli.printing.terminal import glyphs
    from mist_pipeline.cli.reading.several import document, print_all, standings_of_all
    from mist_pipeline.domain.text import count

    found = standings_of_all(as_of)
    worst = found[0]
    if as_json:
        print_json(document(found))
    else:
        console.print(f"[{_STYLES[worst.verdict.level]}]{worst.verdict.level}[/]: ", end="")
        if worst.verdict.code:
            number = sum(one.verdict.level == worst.verdict.level for one in found)
            words = f"{number:,} of {count(len(found), 'organisation')}, the worst {worst.key}: {worst.verdict.reasons[0]}"
        else:
            words = f"{count(len(found), 'organisation')} without incident"
        console.print(words, markup=False, soft_wrap=True)
        if not short:
            print_all(found, glyphs())
    if worst.verdict.code:
        raise typer.Exit(worst.verdict.code)


def _show(now: "Now") -> None:
    from rich.text import Text

    from mist_pipeline.cli.printing.rows import print_lines
    from mist_pipeline.cli.printing.terminal import glyphs, width
    from mist_pipeline.overview.orders import chosen_sites
    from mist_pipeline.watch.lines import header, incident_line, site_heading, site_line

    signs, wide = glyphs(), width()
    lines: list[Text] = header(now, now.organisation.counts, wide, signs)
    # Of a screen that is looked at once nothing has changed since one began to look.
    del lines[2]
    if now.pipeline.machines:
        lines.append(Text(f"Machines: {now.pipeline.machines}", style="dim"))
    if now.incidents:
        lines.append(_heading("Incidents", len(now.incidents)))
        lines += [incident_line(one, now.at, wide, signs) for one in now.incidents[:_MOST]]
    troubled = [
        site
        for site in chosen_sites(now.sites, {}, "", "status")
        if site.incident_ids or site.status not in {"HEALTHY", "UNKNOWN"}
    ]
    if troubled:
        lines.append(_heading("Sites in trouble", len(troubled)))
        lines.append(site_heading(wide, "status", signs))
        lines += [site_line(site, wide, signs) for site in troubled[:_MOST]]
    print_lines(lines)


def _heading(title: str, number: int) -> "Text":
    from rich.text import Text

    more = f" (the worst {_MOST} of {number:,})" if number > _MOST else ""
    return Text(f"\n{title}{more}", style="bold")


def _document(now: "Now", found: "Verdict") -> dict[str, object]:
    """The same for programs."""
    known = now.pipeline
    return {
        "level": found.level,
        "code": found.code,
        "reasons": list(found.reasons),
        "at": now.at,
        "sources": {one.name: _age(one, now.at) for one in (now.live, now.days, now.ledger)},
        "sites": {
            "total": len(now.sites),
            "by_status": dict(now.organisation.counts),
            "by_status_before": dict(now.organisation.counts_before),
            "clients": now.organisation.clients,
            "health": now.organisation.health,
            "health_change": now.organisation.health_change,
        },
        "incidents": [
            {
                name: getattr(one, name)
                for name in (
                    "incident_id",
                    "severity",
                    "state",
                    "began_at",
                    "where",
                    "what",
                    "acknowledged_by",
                )
            }
            for one in now.incidents
        ],
        "pipeline": {
            "last_poll": known.last_poll,
            "next_poll": known.next_poll,
            "is_late": known.is_late,
            "last_evaluation": known.last_evaluation,
            "messages_waiting": known.waiting,
            "failing_sinks": dict(known.failing),
            "machines": known.machines,
        },
    }


def _age(source: "Source", at: datetime) -> dict[str, object]:
    age = source.age(at)
    return {
        "as_of": source.as_of,
        "age_seconds": None if age is None else age.total_seconds(),
        "is_stale": source.is_stale(at),
        "trouble": source.trouble,
    }
