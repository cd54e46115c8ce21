"""All of several organisations on a terminal, where none is chosen: a line each, and the list of `watch`. Not here: lines (``watch``)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.terminal import glyphs, need_terminal, width
from mist_pipeline.cli.serving.served import configured

if TYPE_CHECKING:
    from mist_pipeline.overview.organisations.standing import Standing
    from mist_pipeline.settings import Settings
    from mist_pipeline.watch.glyphs import Glyphs


def usable() -> "tuple[dict[str, Settings], dict[str, str]]":
    """Key → settings of each organisation that can be read, and why others cannot."""
    from mist_pipeline.settings import SettingsError

    found, wrong = configured()
    served = {}
    for settings in found:
        try:
            need_data_folder(settings)
            served[settings.organisation.key] = settings
        except SettingsError as error:
            wrong[settings.organisation.key] = str(error)
    return served, wrong


def standings_of_all(as_of: datetime | None) -> "list[Standing]":
    """How each stands now, the worst first; one that cannot be read is never well."""
    from mist_pipeline.overview.organisations.reader import standings_now
    from mist_pipeline.overview.organisations.standing import unknown, worst_first
    from mist_pipeline.workflows.present.overview import member

    served, wrong = usable()
    found = standings_now(map(member, served.values()), as_of or datetime.now(UTC))
    return worst_first(
        [*found, *(unknown(key, "", f"its configuration: {why}") for key, why in wrong.items())]
    )


def print_all(found: "Sequence[Standing]", signs: "Glyphs") -> None:
    """A line each, below their number."""
    from mist_pipeline.cli.printing.rows import print_lines
    from mist_pipeline.watch.organisation_lines import (
        organisation_line,
        organisations_header,
        organisations_heading,
    )

    wide = width()
    heading = [organisations_header(found, wide, signs), organisations_heading(wide, signs)]
    print_lines([*heading, *(organisation_line(one, wide, signs) for one in found)])


def document(found: "Sequence[Standing]") -> dict[str, object]:
    """The same for programs."""
    return {
        "level": found[0].verdict.level,
        "code": max(one.verdict.code for one in found),
        "organisations": [
            {
                "key": one.key,
                "name": one.name,
                "level": one.verdict.level,
                "code": one.verdict.code,
                "reasons": list(one.verdict.reasons),
                "is_seen": one.is_seen,
                "incidents": dict(one.severities),
                "sites": dict(one.now.organisation.counts) if one.now else {},
                "last_poll": one.now.pipeline.last_poll if one.now else None,
                "messages_waiting": one.now.pipeline.waiting if one.now else None,
            }
            for one in found
        ],
    }


def watch_all(
    enter: "Callable[[Settings], None]",
    *,
    once: bool,
    as_json: bool,
    ascii_only: bool,
    as_of: datetime | None,
) -> None:
    """The list of organisations, live; one that is opened is entered, and whoever leaves it is back in the list.

    Args:
        enter: Shows the screens of one until somebody quits.
        once: Print the list once.
        as_json: Print what is in it.
        ascii_only: Print nothing but ASCII.
        as_of: The instant that was asked for, if any.
    """
    signs = glyphs(ascii_only=ascii_only)
    if as_json:
        from mist_pipeline.cli.printing.rows import print_json

        print_json(document(standings_of_all(as_of)))
        return
    if once:
        print_all(standings_of_all(as_of), signs)
        return
    need_terminal()
    from mist_pipeline.overview.organisations.reader import Standings
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.watch.organisations_app import OrganisationsApp
    from mist_pipeline.workflows.present.overview import member

    served, wrong = usable()
    left_out = [f"{key} is not shown: {why}" for key, why in wrong.items()]
    if not served:
        raise SettingsError("\n".join(left_out))
    clock = clock_of(next(iter(served.values())), as_of)[0]
    standings = Standings(map(member, served.values()), clock)
    standings.start()
    key: str | None = ""
    while (
        key := OrganisationsApp(
            lambda: standings.of(served, clock()), left_out, last=key or "", glyphs=signs
        ).run()
    ) is not None:
        enter(served[key])
    standings.end()
