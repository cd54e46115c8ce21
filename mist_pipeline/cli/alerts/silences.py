"""``alerts silence``, ``unsilence`` and ``silences``: what nobody is notified of for a while.

Here: the commands. A silence is validated by the keys of a planned one (``alerts.notify.silences.PlannedSilence``), so that
both follow the same rules. Not here: what a silence does (``alerts.notify.silences``, ``workflows.notifying.decisions``).
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from mist_pipeline.cli.alerts.arguments import (
    MOST_MEANT,
    By,
    Comment,
    Sites,
    is_there,
    looked_at,
    now_of,
    opened,
    span,
    user,
)
from mist_pipeline.cli.alerts.choosing import chosen
from mist_pipeline.cli.alerts.tables import say, say_what_follows
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.cli.moments import instant
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.options import Csv, Json, Parquet, Wide, output_of
from mist_pipeline.cli.printing.rows import Field, Grid, print_json, print_rows
from mist_pipeline.cli.printing.values import cell, short
from mist_pipeline.delivery.rendering.wording import left_out
from mist_pipeline.domain.text import clean, count, duration
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.wording import since, what, where

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import Ledger
    from mist_pipeline.alerts.notify.matchers import Matcher
    from mist_pipeline.alerts.notify.silences import Silence
    from mist_pipeline.alerts.notify.time_windows import Window
    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.notifying.decisions import Silenced

MOST_INCIDENTS = 10
"""Incidents that are listed as silenced."""

_UNQUOTED = re.compile(r"""(\s*\w+\s*(?:=~|!~|!=|=)\s*)([^"{},]*\s[^"{},]*)""", re.ASCII)
"""A matcher whose value has spaces and lost its quotes to the shell."""

_ANY_DAY = frozenset({"day", "daily"})

_OPTIONS = {
    "match": "MATCHERS",
    "begins": "--begins",
    "until": "--ends",
    "lasts_hours": "--lasts",
    "weekdays": "--every",
    "zone": "--zone",
    "ends_at": "--until",
}
"""Key of a planned silence → how it is called here."""


def silence(
    context: typer.Context,
    matchers: Annotated[
        list[str],
        typer.Argument(
            metavar="MATCHERS",
            help='All must match: site="Cologne 3", site_group=North, family!=roaming, severity=~"info|warning".',
        ),
    ],
    lasts_for: Annotated[
        timedelta | None,
        typer.Option("--for", parser=span, metavar="SPAN", help="How long: 90m, 2h, 1d12h, 2w."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=instant, metavar="INSTANT", help="Instead of --for; UTC, or with its zone."),
    ] = None,
    begins_at: Annotated[
        datetime | None, typer.Option("--from", parser=instant, metavar="INSTANT", help="Default: now.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="Only in a window on these weekdays: monday,tuesday; or: day.")
    ] = None,
    begins: Annotated[str | None, typer.Option(metavar="HH:MM", help="When the window begins.")] = None,
    ends: Annotated[str | None, typer.Option(metavar="HH:MM", help="When it ends, by the clock …")] = None,
    lasts: Annotated[
        timedelta | None, typer.Option(parser=span, metavar="SPAN", help="… or how long it really lasts.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="IANA zone of that clock; default: the organisation's.")
    ] = None,
    comment: Comment = "",
    by: By = None,
    as_json: Json = False,
) -> None:
    """Notify nobody of some alerts for a while. They live on: what still goes on at the end is notified then.

    Example: [cyan]mist-pipeline alerts silence 'site="Cologne 3"' --for 2h --comment "new switches"[/]

    In a window: [cyan]mist-pipeline alerts silence site_group=North --every sunday --begins 02:00 --lasts 3h[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.notifying import decisions

    settings = load_settings()
    now = now_of(context, settings)
    starts_at = begins_at or now
    window = _window_keys(settings, every, begins, ends, lasts, zone)
    wanted = _checked(matchers, starts_at, _end(starts_at, lasts_for, until), window, comment)
    if wanted.ends_at is not None and wanted.ends_at <= now:
        raise typer.BadParameter(
            f"would be over already, at {in_words(wanted.ends_at)}", param_hint="--until"
        )
    need_data_folder(settings)
    matched = _meant(settings, wanted.matchers, asks=not as_json)
    wanted = replace(wanted, silence_id="", created_by=user(by), matchers=matched)
    with opened(settings, makes=True) as ledger:
        kept, found = decisions.add_silence(settings, ledger, wanted, now)
    if as_json:
        incident_ids = [one.incident.incident_id for one in found]
        print_json({**_json(kept, now, "ledger"), "incidents": incident_ids})
        return
    say("Silence ", (kept.silence_id, "bold cyan"), f", {_times(kept, now)}")
    console.print(cell(_matchers(kept), limit=400))
    _say_silenced(found, kept, Sites.known(settings), now)
    next_commands(
        (f"mist-pipeline alerts unsilence {kept.silence_id}", "end it before its time"),
        ("mist-pipeline alerts silences", "all of them"),
    )


def _end(starts_at: datetime, lasts_for: timedelta | None, until: datetime | None) -> datetime | None:
    if lasts_for is not None and until is not None:
        raise typer.BadParameter("give --for or --until, not both")
    return until if lasts_for is None else starts_at + lasts_for


def _window_keys(
    settings: "Settings",
    every: str | None,
    begins: str | None,
    ends: str | None,
    lasts: timedelta | None,
    zone: str | None,
) -> dict[str, Any] | None:
    """The keys of a recurring window, if there is to be one."""
    given = {"--begins": begins, "--ends": ends, "--lasts": lasts, "--zone": zone}
    if every is None:
        alone = [name for name, value in given.items() if value is not None]
        if alone:
            raise typer.BadParameter(f"{alone[0]} is about a window; say on which days it comes: --every day")
        return None
    if begins is None:
        raise typer.BadParameter("a window needs --begins", param_hint="--every")
    if (ends is None) == (lasts is None):
        raise typer.BadParameter("a window needs one of --ends and --lasts", param_hint="--every")
    days = [word.strip().lower() for word in every.split(",") if word.strip()]
    return {
        "begins": begins,
        "until": ends,
        "lasts_hours": None if lasts is None else lasts / timedelta(hours=1),
        "zone": zone or settings.organisation.timezone,
        "weekdays": () if _ANY_DAY.intersection(days) else tuple(days),
    }


def _checked(
    matchers: Sequence[str],
    starts_at: datetime,
    ends_at: datetime | None,
    window: dict[str, Any] | None,
    comment: str,
) -> "Silence":
    """The silence, validated like a planned one."""
    from pydantic import ValidationError

    from mist_pipeline.alerts.notify.silences import PlannedSilence
    from mist_pipeline.alerts.notify.time_windows import Window
    from mist_pipeline.domain.config_section import PlacedError

    if ends_at is None and window is None:
        raise typer.BadParameter("it would never end; give it --for or --until, or a window with --every")
    if ends_at is not None and ends_at <= starts_at:
        raise typer.BadParameter(
            f"is not after {in_words(starts_at)}, when it would begin", param_hint="--until"
        )
    try:
        return PlannedSilence(
            name="silence",
            match=",".join(map(_quoted, matchers)),
            starts_at=starts_at,
            ends_at=ends_at,
            window=None if window is None else Window.model_validate(window),
            comment=comment,
        ).silence()
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        cause = wrong.get("ctx", {}).get("error")
        text = cause.text if isinstance(cause, PlacedError) else wrong["msg"].removeprefix("Value error, ")
        key = next((str(part) for part in wrong["loc"] if str(part) in _OPTIONS), "")
        if text.startswith("is "):
            text = f"{str(wrong['input'])[:40]!r} {text}"
        raise typer.BadParameter(clean(text), param_hint=_OPTIONS.get(key)) from None


def _quoted(matcher: str) -> str:
    """One argument as it was meant: ``site="Cologne 3"`` without its quotes gets them back."""
    found = _UNQUOTED.fullmatch(matcher)
    if found is None:
        return matcher
    value = found[2].strip().replace("\\", "\\\\")
    return f'{found[1]}"{value}"'


def _meant(settings: "Settings", matchers: "Sequence[Matcher]", *, asks: bool) -> "tuple[Matcher, ...]":
    """Matchers that match something that is known, and of several sites of one name those that are meant.

    Raises:
        typer.BadParameter: They match nothing, or nobody can be asked which site is meant.
    """
    from mist_pipeline.alerts.notify.known_values import by_id, mismatch, shared_names
    from mist_pipeline.workflows.ledger_access import known_labels

    if is_there(settings):
        with opened(settings) as ledger:
            known = known_labels(settings, ledger)
    else:
        known = known_labels(settings, None)
    sites = Sites.known(settings)
    meant: list[Matcher] = []
    ambiguous = dict(shared_names(matchers, known))
    for matcher in matchers:
        if ids := ambiguous.get(matcher):
            hint = f"Write {by_id(matcher, ids[:1])} for one of them, {by_id(matcher, ids)} for all."
            ids = chosen(matcher.value, ids, sites, asks=asks, several=True, hint=hint)
            meant.append(by_id(matcher, ids))
        elif (
            matcher.label == "site" and matcher.operator == "=" and matcher.value not in sites.names.values()
        ):
            # As it is shown, or in other letters: the id says the same for as long as the site is there.
            called = known.sites_called(matcher.value)
            meant.append(by_id(matcher, called) if called else matcher)
        else:
            meant.append(matcher)
    if wrong := mismatch(meant, known):
        raise typer.BadParameter(clean(wrong), param_hint="MATCHERS")
    return tuple(meant)


def _say_silenced(found: "Sequence[Silenced]", kept: "Silence", sites: Sites, now: datetime) -> None:
    verb = "silences" if kept.is_active(now) else "would silence"
    if not found:
        say(f"Of what goes on now it {verb} nothing.")
        return
    say(f"Of what goes on now it {verb}:")
    _listed(found, sites).print()


def _listed(found: "Sequence[Silenced]", sites: Sites) -> Grid:
    """Incidents that a silence is about, and how much of each."""
    rows = Grid("incident", Column("where", least=12), Column("what", least=20), " ")
    for one in found[:MOST_INCIDENTS]:
        active = [alert for alert in one.alerts if alert.is_active]
        part = "" if len(one.hidden) == len(active) else f"{len(one.hidden)} of {count(len(active), 'alert')}"
        rows.add_row(
            short(one.incident.incident_id),
            cell(where(one.alerts, sites)),
            cell(what(one.incident, one.alerts)),
            part,
        )
    if len(found) > MOST_INCIDENTS:
        rows.add_row(left_out(len(found) - MOST_INCIDENTS), "", "", "")
    return rows


def unsilence(
    context: typer.Context,
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="Of the silence; its beginning will do.")],
) -> None:
    """End a silence now. What it held back and still goes on is notified.

    Example: [cyan]mist-pipeline alerts unsilence 9c41d0b7e2aa[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.notifying import decisions

    settings = load_settings()
    now = now_of(context, settings)
    with opened(settings) as ledger:
        known = _silence_of(ledger, settings, silence_id, now)
        if known.ends_at is not None and known.ends_at <= now:
            say(
                f"Silence {known.silence_id} was over already, at {in_words(known.ends_at)}; nothing changes."
            )
            return
        recorded, held = decisions.end_silence(settings, ledger, known, now)
    say("Silence ", (known.silence_id, "bold cyan"), " is ended: ", clean(_matchers(known)))
    if not known.is_active(now):
        say("It was not its time: it held nothing back.")
    elif not held:
        say("It held back nothing that still goes on.")
    else:
        say(
            f"It held back {count(len(held), 'incident')} that still {'goes' if len(held) == 1 else 'go'} on:"
        )
        _listed(held, Sites.known(settings)).print()
    say_what_follows(recorded)


def _silence_of(ledger: "Ledger", settings: "Settings", text: str, now: datetime) -> "Silence":
    """The one silence that this id is, or begins."""
    wanted = text.strip().lower()
    every = {one.silence_id: one for one in ledger.silences()}
    found = [name for name in every if name == wanted] or [
        name for name in every if wanted and name.startswith(wanted)
    ]
    if len(found) == 1:
        return every[found[0]]
    if found:
        raise typer.BadParameter(f"{clean(text, 40)!r} begins {len(found)} silences: {', '.join(found)}")
    if text in {one.silence_id for one in settings.notifications.planned_silences()}:
        raise typer.BadParameter(
            f"{clean(text, 40)!r} is a planned silence of the configuration; take it out of notifications.maintenance there"
        )
    active = [one.silence_id for one in ledger.silences(now)]
    near = difflib.get_close_matches(wanted, active, n=MOST_MEANT)
    hint = f"did you mean {' or '.join(near)}?" if near else "`mist-pipeline alerts silences` lists them"
    raise typer.BadParameter(f"there is no silence {clean(text, 40)!r}; {hint}")


def silences(
    context: typer.Context,
    with_old: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: Json = False,
    csv: Csv = False,
    parquet: Parquet = None,
    wide: Wide = False,
) -> None:
    """List silences, and the planned ones of the configuration.

    Example: [cyan]mist-pipeline alerts silences[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    now = now_of(context, settings)
    output = output_of(as_json=as_json, csv=csv, parquet=parquet, wide=wide)
    own: list[Silence] = []
    if is_there(settings):
        with looked_at(settings) as ledger:
            own = ledger.silences(None if with_old else now)
    planned = [
        one
        for one in settings.notifications.planned_silences()
        if with_old or one.ends_at is None or one.ends_at > now
    ]
    rows = [*((one, "ledger") for one in own), *((one, "configuration") for one in planned)]
    if not rows and output.is_table:
        say("Nothing is silenced.")
        next_commands(("mist-pipeline alerts silence 'site=\"…\"' --for 2h", "notify nobody of a site"))
        return
    print_rows(rows, _fields(now), output, lambda row: _json(row[0], now, row[1]))


def _fields(now: datetime) -> "list[Field[tuple[Silence, str]]]":
    """Columns of a list of silences."""
    return [
        Field("silence_id", lambda row: row[0].silence_id, heading="silence", said=lambda row: cell(row[0].silence_id, "cyan")),
        Field("state", lambda row: _state(row[0], now)[0], heading="now", said=lambda row: Text(*_state(row[0], now))),
        Field("matchers", lambda row: _matchers(row[0]), heading="what", said=lambda row: cell(_matchers(row[0]), limit=400), least=16),
        Field("times", lambda row: _times(row[0], now), heading="when", said=lambda row: cell(_times(row[0], now)), least=16),
        Field("starts_at", lambda row: row[0].starts_at, datetime),
        Field("ends_at", lambda row: row[0].ends_at, datetime),
        Field("created_by", lambda row: row[0].created_by, heading="by", said=lambda row: cell(row[0].created_by), least=8),
        Field("comment", lambda row: row[0].comment, heading="comment", said=lambda row: cell(row[0].comment), least=8),
        Field("source", lambda row: row[1]),
    ]  # fmt: skip


def _state(one: "Silence", now: datetime) -> tuple[str, str]:
    if one.is_active(now):
        return "silent", "green"
    return ("over", "dim") if one.ends_at is not None and one.ends_at <= now else ("waits", "yellow")


def _matchers(one: "Silence") -> str:
    return ", ".join(map(str, one.matchers))


def _times(one: "Silence", now: datetime) -> str:
    """When a silence is silent, in words."""
    parts = [] if one.window is None else [_window(one.window)]
    if one.starts_at > now:
        parts.append(f"from {in_words(one.starts_at)}")
    if one.ends_at is not None:
        left = f" ({since(now, one.ends_at)} left)" if one.is_active(now) else ""
        parts.append(f"until {in_words(one.ends_at)}{left}")
    return ", ".join(parts)


def _window(window: "Window") -> str:
    days = [name.capitalize() for name in window.weekdays]
    length = f"for {duration(window.lasts)}" if window.lasts else f"to {window.until:%H:%M}"
    return f"{', '.join(days) or 'every day'} from {window.begins:%H:%M} {length} {window.zone}"


def _json(one: "Silence", now: datetime, source: str) -> dict[str, Any]:
    from mist_pipeline.alerts.ledger.mapping import silence_row

    matchers = [str(matcher) for matcher in one.matchers]
    return {**silence_row(one), "matchers": matchers, "is_active": one.is_active(now), "source": source}
