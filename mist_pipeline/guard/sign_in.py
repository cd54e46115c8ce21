"""Letting in only who knows a token: programs send it with every request, people type it once.

The browser then keeps a cookie that is made from the token and is not it. The cookie is named after the token, so that two
services of one machine do not overwrite each other's: browsers do not tell ports apart.
"""

import hashlib
import hmac
from collections.abc import Iterable
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from mist_pipeline.http_client.secrets import Secret

PATH = "/sign-in"
SHORTEST = 16
MOST_BYTES = 4096

_STYLE = """:root{color-scheme:light dark;--bg:#f7f5f1;--card:#fff;--ink:#17202a;--muted:#5b6570;--line:#c9ced3;--link:#0b5c8e;--on:#fff;--bad:#8a1538}
@media(prefers-color-scheme:dark){:root{--bg:#0e1318;--card:#171e26;--ink:#e6ebef;--muted:#98a5b0;--line:#3a4651;--link:#7cc0ee;--on:#0e1318;--bad:#ff8aa0}}
body{font:16px/1.45 system-ui,sans-serif;background:var(--bg);color:var(--ink);margin:18vh auto 0;max-width:24rem;padding:0 1rem}
h1{font-size:1.4rem;margin:0 0 1rem}form{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem}label{font-weight:600}
input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin-top:.5rem;border:1px solid var(--line);border-radius:6px;background:var(--card);color:inherit}
button{background:var(--link);border-color:var(--link);color:var(--on);font-weight:600}p{color:var(--muted);font-size:.85rem;margin:.75rem 0 0}.bad{color:var(--bad);font-size:1rem;margin:0 0 .75rem}"""


def page(before: str = "", message: str = "") -> str:
    """What people get who have not signed in; it loads and runs nothing.

    Args:
        before: Address at which they wanted to be, from a form that was not accepted; '' where the browser says it itself.
        message: What was wrong.
    """
    said = f'<p class="bad" role="alert">{escape(message)}</p>' if message else ""
    kept = f'<input type="hidden" name="before" value="{escape(before)}">' if before else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in · mist_pipeline</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>{_STYLE}</style></head><body><main><h1>mist_pipeline</h1><form method="post" action="{PATH}">{said}<label for="token">Token of this service</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>{kept}
<button>Sign in</button><p>Who runs the service has it. This browser remembers it for 30 days.</p></form></main></body></html>
"""


class SignIn:
    """Who knows the token.

    Args:
        token: What has to be known.

    Raises:
        ValueError: It can be guessed; the message does not quote it.
    """

    def __init__(self, token: Secret) -> None:
        if len(token.reveal()) < SHORTEST:
            raise ValueError(f"has fewer than {SHORTEST} characters; `openssl rand -hex 24` makes a good one")
        self._token = token
        key = token.reveal().encode()
        self._name = f"mist_pipeline_{hashlib.sha256(b'name' + key).hexdigest()[:8]}"
        self._value = hmac.new(key, b"signed in", hashlib.sha256).hexdigest()

    def knows(self, cookie: str | None, authorization: str | None) -> bool:
        """Whether a request with these headers comes from somebody who knows it."""
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(given.strip()):
            return True
        try:
            kept = SimpleCookie(cookie or "").get(self._name)
        except CookieError:
            return False
        return kept is not None and _same(kept.value, self._value)

    def accepted(self, form: bytes) -> "SignIn | None":
        """This, if a form that somebody sent holds the token."""
        return self if any(self._is_token(value) for value in _fields(form).get("token", [])) else None

    def cookie(self, *, is_encrypted: bool) -> str:
        """The header ``Set-Cookie`` for somebody whose form was accepted."""
        secure = "; Secure" if is_encrypted else ""
        return f"{self._name}={self._value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000{secure}"

    def _is_token(self, given: str) -> bool:
        return _same(given, self._token.reveal())


class AnySignIn:
    """Who knows one of several tokens, each of which opens something of its own behind the same door.

    Args:
        each: The tokens.
    """

    def __init__(self, each: Iterable[SignIn]) -> None:
        self._each = tuple(each)

    def knows(self, cookie: str | None, authorization: str | None) -> bool:
        """Whether a request with these headers comes from somebody who knows one."""
        return any(one.knows(cookie, authorization) for one in self._each)

    def accepted(self, form: bytes) -> SignIn | None:
        """The one whose token a form holds."""
        return next((one for one in self._each if one.accepted(form)), None)


def before_of(form: bytes) -> str:
    """The page that a form of `page` keeps, '' for none."""
    return _fields(form).get("before", [""])[0]


def _fields(form: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(form.decode("ascii"), max_num_fields=4)
    except ValueError:
        return {}


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
