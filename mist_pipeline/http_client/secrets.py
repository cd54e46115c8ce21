"""."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit


class Secret:
    """A token that does not show itself: not in repr, str, logs or the locals of a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The token itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class Secrets:
    """All tokens of a client, to be removed from any foreign text before it is shown."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._secrets = tuple(secrets)

    def hide(self, text: str) -> str:
        """The text with every token replaced by ``***``."""
        for secret in self._secrets:
            text = text.replace(secret.reveal(), "***")
        return text


_SHORTEST_PIECE = 8
"""Characters from which on a part of an address may be a key; shorter ones are words such as ``services``."""


def secrets_of(url: Secret) -> list[Secret]:
    """What of a secret address must not be shown: all of it, what follows the host, and every part that may be a key.

    Receivers repeat addresses in pieces and escaped in their own ways (slashes, ampersands), so the pieces are secrets, too.
    """
    parts = urlsplit(url.reveal())
    tail = f"{parts.path}?{parts.query}" if parts.query else parts.path
    whole = [part for part in (tail, parts.query) if len(part) > 1]
    values = [value for _, value in parse_qsl(parts.query)]
    pieces = [part for part in (*parts.path.split("/"), *values) if len(part) >= _SHORTEST_PIECE]
    return [url, *(Secret(part) for part in dict.fromkeys([*whole, *pieces]))]
