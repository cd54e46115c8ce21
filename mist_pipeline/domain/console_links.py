"""Where a page of the console is, for whatever links there: messages, tickets, reports; and links to an answer, signed. Pure.

The console itself makes its addresses in ``web.address``; a test compares the two.

>>> incident_url("https://mist.example.com/", "3f2a")
'https://mist.example.com/incident/3f2a'
>>> site_url(None, "s") is None
True
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

ANSWERS = ("right", "wrong", "known", "planned")
"""What people may say of an incident by a link in a message."""
ANSWER_DAYS = 14
"""So long such a link is good."""
SHORTEST_KEY = 16


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


def answer_urls(console: str | None, incident_id: str, key: str, at: datetime) -> dict[str, str]:
    """Answer → the page of the console on which it is given: it shows what would be kept, and keeps nothing by itself.

    Args:
        console: Where the console is.
        incident_id: About which incident.
        key: What the link is signed with; without one there are no links.
        at: When the message is made.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 2, tzinfo=UTC)
    >>> link = answer_urls("https://mist.example.com", "3f2a", "secret", at)["wrong"]
    >>> link.partition("&signature=")[0]
    'https://mist.example.com/incident/3f2a/feedback?verdict=wrong&until=1773619200'
    >>> is_signed("secret", "3f2a", "wrong", "1773619200", link.partition("&signature=")[2])
    True
    """
    page = incident_url(console, incident_id)
    if page is None or not key:
        return {}
    until = str(int((at + timedelta(days=ANSWER_DAYS)).timestamp()))
    return {
        answer: f"{page}/feedback?"
        + urlencode(
            {"verdict": answer, "until": until, "signature": _signature(key, incident_id, answer, until)}
        )
        for answer in ANSWERS
    }


def is_signed(key: str, incident_id: str, answer: str, until: str, signature: str) -> bool:
    """Whether a link is one of `answer_urls`, whenever that was."""
    made = _signature(key, incident_id, answer, until)
    return bool(key) and hmac.compare_digest(made.encode(), signature.encode(errors="replace"))


def _signature(key: str, *parts: str) -> str:
    return hmac.new(key.encode(), "\0".join(("answer", *parts)).encode(), hashlib.sha256).hexdigest()[:40]
