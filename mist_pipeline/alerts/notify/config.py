"""Values that several sections of the configuration of notifications have: spans of time, and matchers as a text.

Here: types only. The sections stand beside what they configure: `time_windows.Window`, `routes.Route`,
`escalation.EscalationPolicy`, `silences.PlannedSilence`; ``settings.notifications`` composes them.
"""

import functools
from typing import Annotated

from pydantic import AfterValidator, Field

from mist_pipeline.alerts.notify.contradictions import contradiction
from mist_pipeline.alerts.notify.matchers import LABELS, Matcher, parse_matchers
from mist_pipeline.domain.config_section import hint

# Bounds, since a span beyond them (.inf, for instance) is a mistake that only shows when it is added to a date.
Minutes = Annotated[float, Field(ge=0, le=7 * 24 * 60)]
Hours = Annotated[float, Field(gt=0, le=366 * 24)]


_NAMES = frozenset({"site", "site_id"})


@functools.lru_cache(maxsize=1_000)
def matchers_of(text: str) -> tuple[Matcher, ...]:
    """The matchers that a text spells; none for an empty one.

    Raises:
        ValueError: It is not a matcher, names a label that no alert has, or its matchers exclude one another.
    """
    matchers = parse_matchers(text) if text.strip() else ()
    for matcher in matchers:
        if matcher.label not in LABELS:
            raise ValueError(f"{matcher.label!r} is no label; {hint(matcher.label, LABELS)}")
        if matcher.label in _NAMES and matcher.operator in {"=", "=~"} and not matcher.value.strip():
            # Most often a variable of the shell that was not set.
            raise ValueError(f'{matcher} names no site; for what is of no site write {matcher.label}!~".+"')
    if wrong := contradiction(matchers):
        raise ValueError(wrong)
    return matchers


def _readable(text: str) -> str:
    matchers_of(text)
    return text


Match = Annotated[str, AfterValidator(_readable)]
"""Matchers as a text, which `matchers_of` reads."""
