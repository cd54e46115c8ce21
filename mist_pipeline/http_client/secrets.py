"""What must not be shown, and how it is taken out of foreign text.

Here: the value that does not print itself, the parts of a secret address, and their removal. Not here: where secrets
come from (`settings`), and what merely looks like a secret (`workflows.self_monitoring`).

>>> url = Secret("https://hooks.example.com/in/s3cr3ts3cr3t?a=1")
>>> Secrets(secrets_of(url)).hide("hooks.example.com: cannot POST /in/s3cr3ts3cr3t")
'hooks.example.com: cannot POST /in/***'
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote_plus, urlsplit

_SHORTEST_PIECE = 8
"""Characters from which on a part of an address may be a key; shorter ones are words such as ``hooks``."""
_SHORTEST_PIECE_BESIDE_HOST = 4
"""The same for an address in which even the host may be a key."""


class Secret:
    """A value that does not show itself: not in repr, str, logs or the locals of a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class Secrets:
    """Values to be removed from any foreign text before it is shown."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        # The longest first: a piece that is replaced first would leave the rest of the whole readable.
        self._secrets = sorted(
            (each for each in secrets if each.reveal()), key=lambda each: len(each.reveal()), reverse=True
        )

    def hide(self, text: str) -> str:
        """The text with every secret replaced by ``***``."""
        for secret in self._secrets:
            text = text.replace(secret.reveal(), "***")
        return text


def secrets_of(url: Secret, *, is_host_secret: bool = False) -> list[Secret]:
    """What of a secret address must not be shown: all of it, what follows the host, and every part that may be a key.

    Receivers repeat addresses in pieces and escaped in their own ways, so the pieces are secrets, too, as written and
    decoded.

    Args:
        url: The address.
        is_host_secret: Whether a key may stand in place of the host (``msteams://…``).
    """
    text = url.reveal()
    tail = text.partition("://")[2]
    if not is_host_secret:
        tail = tail[len(urlsplit(text).netloc) :]
    query = tail.partition("?")[2]
    words = {*re.split(r"[/?&]", tail), *re.split(r"[/?&=:@+,#\s]", tail), *dict(parse_qsl(query)).values()}
    shortest = _SHORTEST_PIECE_BESIDE_HOST if is_host_secret else _SHORTEST_PIECE
    pieces = {word for word in words if len(word) >= shortest} | {
        part for part in (tail, query) if len(part) > 1
    }
    return [Secret(piece) for piece in {text} | pieces | set(map(unquote_plus, pieces))]
