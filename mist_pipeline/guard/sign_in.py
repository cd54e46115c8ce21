"""Letting in only who knows a token: programs send it with every request, people type it once.

The browser then keeps a cookie that is made from the token and is not it. The cookie is named after the token, so that two
services of one machine do not overwrite each other's: browsers do not tell ports apart.
"""

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from mist_pipeline.http_client.secrets import Secret

PATH = "/sign-in"
SHORTEST = 16
MOST_BYTES = 4096

PAGE = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{{font:16px system-ui,sans-serif;margin:20vh auto;max-width:22rem;padding:0 1rem}}
input,button{{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin-top:.5rem}}</style>
<h1>mist_pipeline</h1><form method="post" action="{PATH}"><label for="token">Token of this service</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button></form></html>
"""
"""What people get who have not signed in; it loads and runs nothing."""


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

    def accepts(self, form: bytes) -> bool:
        """Whether a form that somebody sent holds the token."""
        try:
            fields = parse_qs(form.decode("ascii"), max_num_fields=4)
        except ValueError:
            return False
        return any(self._is_token(value) for value in fields.get("token", []))

    def cookie(self, *, is_encrypted: bool) -> str:
        """The header ``Set-Cookie`` for somebody whose form was accepted."""
        secure = "; Secure" if is_encrypted else ""
        return f"{self._name}={self._value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000{secure}"

    def _is_token(self, given: str) -> bool:
        return _same(given, self._token.reveal())


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
