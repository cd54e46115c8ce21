"""What was changed, in words.

>>> changed_thing("network_template", "Retail"), changed_thing("site_settings", "")
('network template “Retail”', 'site settings')
"""

from mist_pipeline.domain.text import clean

TITLE_LENGTH = 80
"""Characters of the name of what was changed that are shown."""

_OBJECTS = {
    "wlan": "WLAN",
    "wlan_template": "WLAN template",
    "rf_template": "RF template",
    "ap_template": "AP template",
}
"""Kinds that are not written as they are called."""


def changed_thing(kind: str, title: str) -> str:
    """A kind of ``history.changes`` with its name, which people typed; '' for none."""
    shown = clean(title, TITLE_LENGTH)
    return _OBJECTS.get(kind, kind.replace("_", " ")) + (f" “{shown}”" if shown else "")
