"""What is known of one browser from page to page: that a form comes from a page of ours, and what to tell on the next page.

A foreign page can send a form here, but cannot read one of ours: every form holds a token that belongs to the browser's cookie,
to the person, and to this process. Not here: who may come in (`access`).
"""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from threading import Lock

COOKIE = "mist_pipeline_console"
NAME_COOKIE = "mist_pipeline_name"
_SESSION = re.compile(r"[0-9a-f]{32}")
_MOST_SAID = 500


class Sessions:
    """The browsers of one process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._said: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    @staticmethod
    def of(cookie: str | None) -> str:
        """The session of a browser that sent this cookie; a new one where it sent none that could be ours."""
        return cookie if cookie and _SESSION.fullmatch(cookie) else secrets.token_hex(16)

    def token(self, session: str, name: str) -> str:
        """What a form of this browser has to send."""
        return hmac.new(self._key, f"{session}\0{name}".encode(), hashlib.sha256).hexdigest()

    def is_ours(self, session: str, name: str, given: str) -> bool:
        """Whether a form was on a page of this browser."""
        return hmac.compare_digest(self.token(session, name).encode(), given.encode(errors="replace"))

    def say(self, session: str, words: str) -> None:
        """Keep what the next page of a browser tells."""
        with self._lock:
            self._said[session] = words
            while len(self._said) > _MOST_SAID:
                self._said.popitem(last=False)

    def said(self, session: str) -> str:
        """What to tell, once."""
        with self._lock:
            return self._said.pop(session, "")


def cookie(name: str, value: str, *, is_encrypted: bool, seconds: int | None = None) -> str:
    """The header ``Set-Cookie``: no script reads it, no foreign page sends it with a form."""
    kept = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{kept}{'; Secure' if is_encrypted else ''}"
