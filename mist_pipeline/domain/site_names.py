"""What sites are called: the one place where the name that people read is made.

Names are typed by people: two sites may have the same one, or names that only differ in what nobody sees (case, spaces,
invisible or look-alike characters), and some have none. Every surface (report, mail, chat, tickets, command line, views)
shows what is made here, so a site has the same name everywhere and no two sites have the same. Escaping is the renderer's
work.

>>> display_names({"1a2b3c4d-01": "Berlin 3", "5e6f7a8b-02": "berlin  3", "9c0d1e2f-03": "Bonn", "3a4b5c6d-04": ""})
{'1a2b3c4d-01': 'Berlin 3 · 1a2b3c4d', '5e6f7a8b-02': 'berlin 3 · 5e6f7a8b', '9c0d1e2f-03': 'Bonn', '3a4b5c6d-04': 'site 3a4b5c6d'}
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from functools import lru_cache

from mist_pipeline.domain.text import ID_LENGTH, SENTENCE_LENGTH, UNSEEN, clean

SITE_NAME_LENGTH = 60
"""Characters of a site's own name that are shown; the start of its id may follow."""

DISPLAY_NAME_LENGTH = 110
"""No display name is longer: a name, and a whole id where nothing shorter tells sites apart."""

_LOOKS_LIKE = str.maketrans(
    "авеԁһіјкмнорԛѕтуԝхүӏ" + "αβεηικνορτυχ" + "ıɡɑ‐‑‒–—―−",
    "abedhijkmhopqstywxyl" + "abehiknoptyx" + "iga-------",
)
"""Small letters of Cyrillic and Greek, as they or their capitals look in Latin; letters and dashes that look like others.
Unicode lists thousands of such pairs; these are those that a keyboard writes."""

_ID_LENGTH = 40
_READ = 4 * SENTENCE_LENGTH
"""Characters of a name that are looked at; it may be a megabyte long."""


def display_names(names: Mapping[str, str | None], gone: Collection[str] = ()) -> dict[str, str]:
    """Site id → what people are shown: one visible line, unlike that of every other site.

    Args:
        names: Site id → name as it was typed, of all sites: a name is only known to be shared among all of them.
        gone: Ids of sites that are no more. A site that took over the name of such a one keeps it for itself.

    Returns:
        The cleaned name; with the start of the id behind it where others have the same; ``site 1a2b3c4d`` where nothing
        of the name can be shown.
    """
    cleaned = {site_id: _cleaned((name or "")[:_READ]) for site_id, name in names.items()}
    away = frozenset(gone)
    present = Counter(folded(name) for site_id, name in cleaned.items() if site_id not in away)
    ever = Counter(folded(name) for name in cleaned.values())
    shown = {
        site_id: _named(site_id, name, (ever if site_id in away else present)[folded(name)] > 1)
        for site_id, name in cleaned.items()
    }
    # Ids may begin alike, and a name may look like what was made of another one: then the whole id tells them apart.
    for _ in range(2):
        same = Counter(folded(label) for label in shown.values())
        if len(same) == len(shown):
            break
        shown = {
            site_id: label
            if same[folded(label)] == 1
            else f"{cleaned[site_id] or 'site'} · {clean(site_id, _ID_LENGTH)}"
            for site_id, label in shown.items()
        }
    return shown


def unnamed(site_id: str) -> str:
    """What a site is called of which only the id is known."""
    return f"site {_start(site_id)}"


def folded(name: str) -> str:
    """What two names have in common that people cannot tell apart.

    >>> folded("Café  3") == folded("CAFÉ 3"), folded("Ｂonn") == folded("bonn"), folded("Воnn") == folded("Bonn")
    (True, True, True)
    """
    return _folded(name[:_READ])


@lru_cache(maxsize=16_384)
def _folded(name: str) -> str:
    # A replay asks for the same three thousand names every hour of every day.
    seen = "".join(char for char in clean(name) if char not in UNSEEN)
    # Once more behind the case: the small form of a letter may be composed in another way.
    same_case = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return " ".join(same_case.translate(_LOOKS_LIKE).split())


@lru_cache(maxsize=16_384)
def _cleaned(name: str) -> str:
    return clean(name, SITE_NAME_LENGTH)


def _named(site_id: str, name: str, is_shared: bool) -> str:
    if not name:
        return unnamed(site_id)
    return f"{name} · {_start(site_id)}" if is_shared else name


def _start(site_id: str) -> str:
    return clean(site_id, _ID_LENGTH)[:ID_LENGTH]
