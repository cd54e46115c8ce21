"""Where a page of the console is, for whatever links there: messages, tickets, reports. Pure.

The console itself makes its addresses in ``web.address``; a test compares the two.

>>> incident_url("https://mist.example.com/", "3f2a")
'https://mist.example.com/incident/3f2a'
>>> site_url(None, "s") is None
True
"""

from urllib.parse import quote


def incident_url(console: str | None, incident_id: str) -> str | None:
    """The page of an incident; None where no console is known."""
    return _page(console, "incident", incident_id)


def incidents_url(console: str | None) -> str | None:
    """The list of what goes on; None where no console is known."""
    return f"{console.rstrip('/')}/incidents" if console else None


def site_url(console: str | None, site_id: str) -> str | None:
    """The page of a site; None where no console is known, or it is no site."""
    return _page(console, "site", site_id)


def _page(console: str | None, kind: str, name: str) -> str | None:
    return f"{console.rstrip('/')}/{kind}/{quote(name, safe='')}" if console and name else None
