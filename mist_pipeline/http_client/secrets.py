r"""What must not be shown, and how it is taken out of foreign text, in whatever encoding it comes back.

Here: the value that does not print itself, how one is read from the environment, the parts of a secret address, and the
removal of all of them. Not here: where secrets come from (`settings`), and what merely looks like a secret
(`workflows.self_monitoring`).

A receiver, a proxy or a library repeats a secret as it was sent or as it writes it down itself: as base64 (``Authorization:
Basic``, ``AUTH PLAIN``, ``AUTH LOGIN``), percent-encoded, escaped for HTML, JSON or Python, in hexadecimal. `Secrets.hide`
finds all of these:

>>> known = Secrets([Secret("pa/ss w0rd")])
>>> known.hide(r"pa%2Fss%20w0rd, pa%2fss+w0rd, pa&#x2F;ss w0rd, pa\/ss\u0020w0rd")
'***, ***, ***, ***'
>>> known.hide("Authorization: Basic dXNlcjpwYS9zcyB3MHJk was refused")
'Authorization: Basic *** was refused'

A secret that may be a word of the language is hidden only where it stands by itself, so that one badly chosen password does
not make every sentence unreadable: one of fewer than 8 characters, or of letters alone and fewer than 12.

>>> Secrets([Secret("key")]).hide("the keyboard, the monkey, and key=key")
'the keyboard, the monkey, and ***=***'
"""

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from html.entities import html5
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

_SHORTEST_PIECE = 8
"""Characters from which on a part of an address may be a key; shorter ones are words such as ``hooks``."""
_SHORTEST_PIECE_BESIDE_HOST = 4
"""The same for an address in which even the host may be a key."""
_SHORTEST_IN_WORDS = 8
"""Characters from which on a secret is hidden inside of longer words, too."""
_SHORTEST_OF_LETTERS = 12
"""The same for one of letters alone."""
_SHORTEST_IN_BASE64 = 4
"""Characters of base64 that are surely no coincidence."""
_SHORTEST_IN_HEX = 4
"""The same of a secret in hexadecimal."""
_SHOWN = 8_000
"""Characters of a foreign text that are kept; people are shown far fewer."""
_WIDEST_FORM = 28
"""Characters of the longest form of one character: four bytes, percent-encoded twice."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]*")
_BASE64_BEFORE = re.compile(r"[A-Za-z0-9+/_-]")
_ALONE_BEFORE = (
    r"(?:(?<![^\W_])|(?<=[%=][0-9A-Fa-f]{2})|(?<=\\[nrt0])|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"
)
_ALONE_AFTER = r"(?![^\W_])"
_NAMES: dict[str, list[str]] = {}
for _name, _char in html5.items():
    if _name.endswith(";"):
        _NAMES.setdefault(_char, []).append(_name.removesuffix(";"))


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


def from_environment(value: str, variable: str) -> str:
    """A secret as it was meant: without the line end of the file that it was read from.

    Args:
        value: What the variable holds.
        variable: Its name, for the error.

    Raises:
        ValueError: It holds a control or invisible character; the error names the variable and never quotes the value.
    """
    trimmed = value.strip("\r\n")
    for char in trimmed:
        if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}:
            raise ValueError(
                f"the variable {variable} holds a control or invisible character (U+{ord(char):04X}), which no secret has; "
                "was it pasted whole, and as one line?"
            )
    return trimmed


class Secrets:
    """Values to be removed from any foreign text before it is shown."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._values = tuple(dict.fromkeys(each.reveal() for each in secrets if each.reveal()))

    def hide(self, text: str) -> str:
        """The text with every secret, in any encoding, replaced by ``***``; a very long one is cut."""
        if not self._values:
            return text
        end = len(text)
        if end > _SHOWN:
            # What is cut is read all the same, as far as a secret may reach over the cut.
            text = text[: _SHOWN + _WIDEST_FORM * max(map(len, self._values))]
            end = _SHOWN
        shown: list[str] = []
        at = 0
        for start, stop in _joined(self._found(text)):
            if start >= end:
                break
            shown += [text[at:start], "***"]
            at = stop
        return "".join([*shown, text[at:end]])

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """From where to where a secret stands."""
        for pattern in self._plain:
            yield from (hit.span() for hit in pattern.finditer(text))
        for pattern in self._base64:
            for hit in pattern.finditer(text):
                yield _whole_run(text, *hit.span())

    @cached_property
    def _plain(self) -> list[re.Pattern[str]]:
        patterns = []
        for value in self._values:
            flags = re.NOFLAG if len(value) < _SHORTEST_IN_WORDS else re.IGNORECASE
            form = "".join(map(_in_any_form, value))
            # A shorter one in hexadecimal is a number like any other.
            if len(value) >= _SHORTEST_IN_HEX:
                in_hex = value.encode(errors="replace").hex()
                form = f"(?:{form}|{in_hex}|{in_hex.upper()})"
            pattern = f"{_ALONE_BEFORE}{form}{_ALONE_AFTER}" if _may_be_a_word(value) else form
            patterns.append(re.compile(pattern, flags))
        return patterns

    @cached_property
    def _base64(self) -> list[re.Pattern[str]]:
        cores = dict.fromkeys(core for value in self._values for core in _cores(value))
        # Letters and digits of base64 are escaped by nobody; its lines may be broken.
        return [
            re.compile(r"\s{0,2}".join(char if char.isalnum() else _in_any_form(char) for char in core))
            for core in cores
        ]


NONE_KNOWN = Secrets(())
"""Where nothing secret is known."""


def _joined(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order, those that overlap as one: a piece of a secret would leave the rest of the whole readable."""
    begin, end = -1, -1
    for start, stop in sorted(spans):
        if start < end:
            end = max(end, stop)
            continue
        if begin >= 0:
            yield begin, end
        begin, end = start, stop
    if begin >= 0:
        yield begin, end


def _may_be_a_word(value: str) -> bool:
    return len(value) < (_SHORTEST_OF_LETTERS if value.isalpha() else _SHORTEST_IN_WORDS)


def _whole_run(text: str, start: int, stop: int) -> tuple[int, int]:
    """All base64 around a hit: its first and last characters hold bits of the secret, too."""
    while start and _BASE64_BEFORE.match(text, start - 1):
        start -= 1
    after = _BASE64.match(text, stop)
    return start, after.end() if after else stop


def _cores(value: str) -> Iterator[str]:
    """What of the base64 of any text with this secret inside depends on the secret alone, at each of three offsets."""
    encodings = {value.encode(errors="replace")}
    if not value.isascii():
        # What latin-1 cannot hold, nobody sends in it.
        encodings |= {value.encode("latin-1")} if max(value) <= "\xff" else set()
    for content in encodings:
        for offset in range(3):
            padded = b"\0" * offset + content
            # A character of base64 has six bits: the first and the last may have some of the neighbours'.
            first, last = -(-8 * offset // 6), 8 * len(padded) // 6
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                core = encode(padded).decode()[first:last]
                if len(core) >= _SHORTEST_IN_BASE64:
                    yield core


def _in_any_form(char: str) -> str:
    """A pattern of one character, as it is or escaped; few branches, because secrets may be long."""
    code = ord(char)
    escape = r"[%=](?:25){0,2}|\\{1,4}(?:[uU]0{0,6}|x|u\{0{0,6})|&(?:amp;){0,2}#[xX]0{0,4}"
    forms = [
        re.escape(char),
        rf"(?:{escape})(?i:{code:02x})[;}}]?",
        rf"&(?:amp;){{0,2}}(?:{''.join(f'{name};|' for name in _NAMES.get(char, []))}#0{{0,4}}{code};)",
    ]
    if code > 127:
        content = char.encode(errors="replace")
        forms.append("".join(rf"(?:[%=](?:25){{0,2}}|\\{{1,4}}x)(?i:{byte:02x})" for byte in content))
    if code > 0xFFFF:
        pair = char.encode("utf-16-be").hex()
        forms.append(rf"\\{{1,4}}u(?i:{pair[:4]})\\{{1,4}}u(?i:{pair[4:]})")
    if char == " ":
        forms.append(r"\+")
    if not char.isalnum():
        forms.append(rf"\\{{1,4}}{re.escape(char)}")
    return f"(?:{'|'.join(forms)})"


def password_of(address: str) -> str:
    """The password in the address of a database: a URL, or words as libpq has them (``host=db password='it''s'``); '' if there is none."""
    if "://" in address:
        try:
            parts = urlsplit(address)
        except ValueError:
            return ""
        return parts.password or dict(parse_qsl(parts.query)).get("password", "")
    found = _PASSWORD_WORD.search(address)
    if not found:
        return ""
    return re.sub(r"\\(.)", r"\1", found["quoted"]) if found["quoted"] is not None else found["bare"]


_PASSWORD_WORD = re.compile(
    r"(?:^|\s)(?:ssl)?password\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<bare>\S+))", re.IGNORECASE
)


def secrets_of_database(address: Secret) -> list[Secret]:
    """What of the address of a database must not be shown: all of it, and its password."""
    password = password_of(address.reveal())
    return [address, Secret(password), Secret(unquote(password))]


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
