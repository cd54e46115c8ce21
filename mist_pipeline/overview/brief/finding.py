"""Which site somebody means: by its id, its name as it is shown or as it was typed, or the beginning of either. Pure."""

import difflib
from collections.abc import Sequence

from mist_pipeline.domain.site_names import folded
from mist_pipeline.overview.model import SiteNow

MOST_MEANT = 3


def sites_meant(text: str, sites: Sequence[SiteNow]) -> list[SiteNow]:
    """The sites that are meant, several where that is not clear; none where nothing is called so.

    >>> from mist_pipeline.overview.model import SiteNow
    >>> known = [SiteNow(site_id=n, label=l, status="", last_status="") for n, l in (("1a", "Berlin 3"), ("2b", "Berlin 31"), ("3c", "Bonn"))]
    >>> [[one.site_id for one in sites_meant(text, known)] for text in ("berlin 3", "berl", "bo", "3c", "x")]
    [['1a'], ['1a', '2b'], ['3c'], ['3c'], []]
    """
    wanted = folded(text)
    if not wanted:
        return []
    if exact := [one for one in sites if one.site_id == text.strip()]:
        return exact
    if exact := [one for one in sites if folded(one.label) == wanted]:
        return exact
    # Two of one name carry the start of their ids behind it.
    if same := [one for one in sites if folded(one.label.rpartition(" · ")[0]) == wanted]:
        return same
    return [
        one
        for one in sites
        if folded(one.label).startswith(wanted) or one.site_id.startswith(text.strip().lower())
    ]


def near_names(text: str, sites: Sequence[SiteNow]) -> list[str]:
    """Names that are written much like this."""
    names = {folded(one.label): one.label for one in sites}
    return [names[near] for near in difflib.get_close_matches(folded(text), names, n=MOST_MEANT)]
