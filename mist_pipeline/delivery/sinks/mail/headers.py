r"""Headers of a mail as bytes that every reader decodes to the same text, whatever names are in them.

Here: how a subject and a name are folded and encoded, and which headers are never touched. Not here: what they say
(`sink`). The library folds a subject of several scripts so that spaces between its words are lost, takes what looks encoded
for encoded, and encodes long message ids: replies would have another subject than the first mail, and refer to nothing.

>>> folded("Subject", "Re: Coverage at Köln")
'Subject: =?utf-8?b?UmU6IENvdmVyYWdlIGF0IEvDtmxu?=\r\n'
"""

import base64
from email.headerregistry import Address
from email.policy import EmailPolicy
from typing import Any

_LINE = 76
"""Characters of a line that are never too many (RFC 5322 recommends 78, RFC 2047 asks for 76)."""
_WORD = 45
"""Bytes of one encoded word: 60 characters of base64, within the 75 that a word may have."""
_BEGIN, _END = "=?utf-8?b?", "?="
_TEXT = frozenset({"subject"})
_VERBATIM = frozenset({"message-id", "in-reply-to", "references", "from", "to"})


class HeaderPolicy(EmailPolicy):
    """Of the library, but for the headers that make a thread, which are kept and written as they were given."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Kept as it is where the library would read it and write something else."""
        if name.lower() in _TEXT | _VERBATIM:
            return name, value
        return super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        """The header with its line ends."""
        if name.lower() in _TEXT:
            return folded(name, str(value))
        if name.lower() in _VERBATIM:
            # Between addresses, and between encoded words; an id or address is never cut.
            lines = str(value).replace(", ", ",\r\n ").replace("?= ", "?=\r\n ")
            return f"{name}: {lines}\r\n"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same as bytes."""
        if name.lower() in _TEXT | _VERBATIM:
            return self.fold(name, value).encode("ascii")
        return bytes(super().fold_binary(name, value))


def folded(name: str, text: str) -> str:
    """A header of one line of text: as it is where it is ASCII, else all of it in encoded words."""
    if text.isascii() and "=?" not in text:
        return _at_spaces(f"{name}: {text}")
    return f"{name}: " + "\r\n ".join(_encoded(text)) + "\r\n"


def mailbox(name: str, address: str) -> str:
    """``From``: a name in any script, and the address."""
    if name.isascii() and "=?" not in name:
        return str(Address(name, addr_spec=address))
    return f"{' '.join(_encoded(name))} <{address}>"


def _encoded(text: str) -> list[str]:
    """Encoded words; readers drop the space or line end between two of them."""
    words, word = [], b""
    for char in text:
        more = char.encode(errors="replace")
        if len(word) + len(more) > _WORD:
            words.append(word)
            word = b""
        word += more
    return [f"{_BEGIN}{base64.b64encode(one).decode()}{_END}" for one in [*words, word]]


def _at_spaces(text: str) -> str:
    """Folded before spaces, which stay: put together again it is the same text."""
    lines, line = [], ""
    for number, word in enumerate(text.split(" ")):
        piece = word if number == 0 else f" {word}"
        # A line of nothing but spaces would end the headers for some readers.
        if line.strip() and word and len(line) + len(piece) > _LINE and number > 1:
            lines.append(line)
            line = ""
        line += piece
    return "\r\n".join([*lines, line]) + "\r\n"
