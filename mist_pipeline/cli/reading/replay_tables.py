"""Tables of a replay under several configurations, on a terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mist_pipeline.cli.console import console
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.rows import Grid
from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.text import count, without_controls
from mist_pipeline.report.document.replay_words import MEASURES, heading, notes, shift

if TYPE_CHECKING:
    from mist_pipeline.report.document.replay_model import Counted, ReplayDocument, ReplayQuality, Side

_MOST_ROWS = 15


def print_document(document: "ReplayDocument") -> None:
    """How good each configuration was; of two what is different."""
    configurations = document["configurations"]
    console.print(
        f"[bold]{document['first']} to {document['last']}[/]: {count(document['days'], 'day')}, "
        f"{count(document['sites'], 'site')}.\n"
    )
    print_quality(configurations)
    if document["changes"]:
        names = [one["name"] for one in configurations]
        console.print(
            f"\n{without_controls(heading(document['changes'], names[-1]))}", markup=False, soft_wrap=True
        )
        for one in document["differences"]:
            values = "different" if one["base"] is None else f"{one['base']} → {one['other']}"
            console.print(
                f"  {without_controls(one['key'])}: {without_controls(values)}", markup=False, soft_wrap=True
            )
        rules: Sequence[Counted] = [{**row, "name": kind_title(row["name"])} for row in document["by_rule"]]
        _print_counted("rule", rules)
        _print_counted("site", document["by_site"])
        _print_changed(document)
    console.print()
    for note in notes(document):
        console.print(note, style="dim", soft_wrap=True)


def print_quality(configurations: "Sequence[ReplayQuality]") -> None:
    """A measure a row, a configuration a column."""
    grid = Grid("", *(Column(without_controls(one["name"]), is_number=True) for one in configurations))
    for title, said in MEASURES.items():
        grid.add_row(title, *(said(one) for one in configurations))
    grid.print()


def _print_counted(what: str, rows: "Sequence[Counted]") -> None:
    """Where something is different; of a long list the worst."""
    different = [row for row in rows if row["more"] or row["fewer"] or row["earlier"] or row["later"]]
    if not different:
        return
    titles = ("before", "after", "more", "fewer", "earlier", "later")
    console.print()
    grid = Grid(Column(what, least=12), *(Column(title, is_number=True) for title in titles))
    for row in different[:_MOST_ROWS]:
        numbers = (
            row["base_alerts"],
            row["other_alerts"],
            row["more"],
            row["fewer"],
            row["earlier"],
            row["later"],
        )
        grid.add_row(without_controls(row["name"]), *map(str, numbers))
    grid.print()
    _say_left(len(different))


def _print_changed(document: "ReplayDocument") -> None:
    if not document["changed"]:
        return
    console.print()
    grid = Grid("change", Column("site", least=12), "rule", "before", "after")
    for one in document["changed"][:_MOST_ROWS]:
        grid.add_row(
            shift(one),
            without_controls(one["site"]),
            kind_title(one["rule"]),
            _lived(one["base"]),
            _lived(one["other"]),
        )
    grid.print()
    _say_left(len(document["changed"]))


def _lived(side: "Side | None") -> str:
    if side is None:
        return "–"
    opened = datetime.fromisoformat(side["opened_at"])
    return f"{opened:%d %b %H:%M} {side['severity']}"


def _say_left(total: int) -> None:
    if total > _MOST_ROWS:
        console.print(f"… and {total - _MOST_ROWS} more; --json and --page have all.", style="dim")
