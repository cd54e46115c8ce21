"""Several organisations as lines of text, the worst first. Pure, as `lines`."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.text import Text

from mist_pipeline.domain.severity import status_of
from mist_pipeline.domain.text import count
from mist_pipeline.overview.brief.verdict import Level
from mist_pipeline.overview.organisations.standing import Standing
from mist_pipeline.overview.wording import since
from mist_pipeline.watch.glyphs import Glyphs, severity_style, status_style
from mist_pipeline.watch.lines import cut

_STATUSES: Mapping[Level, str] = {"CRITICAL": "CRITICAL", "WARNING": "DEGRADED", "OK": "HEALTHY"}
"""Level of a verdict → the status whose sign and colour it has."""

_KEY = 20
_VERDICT, _NAME, _INCIDENTS, _AGE = 10, 24, 12, len("23 h 59 min")
_WIDE = 110


def organisations_header(found: Sequence[Standing], width: int, glyphs: Glyphs) -> Text:
    """How many there are, by verdict."""
    levels = Counter(one.verdict.level for one in found)
    line = Text(f" {count(len(found), 'organisation')}", style="bold", no_wrap=True)
    for level, status in _STATUSES.items():
        if number := levels[level]:
            line.append(f"  {glyphs.status[status]} {number:,} {level.lower()}", style=status_style(status))
    line.truncate(width, overflow="ellipsis")
    return glyphs.shown(line)


def organisations_heading(width: int, glyphs: Glyphs) -> Text:
    """Names of the columns."""
    name = f"{'called':<{_NAME}} " if width >= _WIDE else ""
    words = f" {'verdict':<{_VERDICT}} {'--org':<{_KEY}} {name}{'incidents':<{_INCIDENTS}} {'last poll':>{_AGE}}  why"
    line = Text(words, style="bold", no_wrap=True)
    line.truncate(width)
    return glyphs.shown(line)


def organisation_line(one: Standing, width: int, glyphs: Glyphs) -> Text:
    """One organisation: verdict, name, incidents by severity, age of its polls, why."""
    status = _STATUSES[one.verdict.level]
    line = Text(no_wrap=True)
    line.append(
        f" {cut(f'{glyphs.status[status]} {one.verdict.level.lower()}', _VERDICT, glyphs)}",
        style=status_style(status),
    )
    line.append(f" {cut(one.key, _KEY, glyphs)} ", style="bold")
    if width >= _WIDE:
        line.append(f"{cut(one.name, _NAME, glyphs)} ")
    begun = line.cell_len
    if one.now is None or one.now.ledger.as_of is None:
        line.append("not known", style="italic")
    for severity, number in one.severities.items():
        sign = glyphs.status[status_of(severity)]
        line.append(f"{sign} {number:,} ", style=severity_style(severity))
    line.append(" " * max(begun + _INCIDENTS - line.cell_len, 0))
    polled = one.now.live.as_of if one.now else None
    age = since(polled, one.now.at) if one.now and polled else glyphs.dash
    line.append(f" {cut(age, _AGE, glyphs, right=True)}  ")
    reasons = f"{'; '.join(one.verdict.reasons)}"
    line.append(cut(reasons, max(width - line.cell_len, 0), glyphs), style="" if one.verdict.code else "dim")
    line.truncate(width)
    return glyphs.shown(line)
