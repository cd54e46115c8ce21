"""How one answer of the cloud looks in a raw file.

A raw file is a sequence of gzip members, one a request, so that a torn write costs one request and not the file. A
member holds two lines a page: the *header* (JSON: what was asked, when, by which version, how it ended) and the *body*
as received, verbatim but for line breaks between JSON tokens, which become spaces. ``zcat file | jq`` reads it. Where
the files lie and which of them count is decided in ``collect.raw.store``.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.mist.page import parse_json

_GZIP = 31
"""``wbits`` of zlib for a gzip container."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Header:
    """What one body of a raw file answers.

    Attributes:
        key: Identity of the request (``plan.Request.key``); for a snapshot its kind.
        request: What was asked: purpose, site_id, metric, group, start, end, days and, where it was sent, path.
        number: Page, from 1; 0 where no page came (``outcome`` says why).
        as_of: The instant of the run that asked, UTC.
        requested_at: When the request was sent, UTC.
        received_at: When its answer was complete, UTC.
        client_version: Version of the client that asked.
        outcome: ``answered``, ``not_supported`` where the site does not have the metric, ``unanswered`` where the cloud gave no
            answer that can be read.
    """

    key: str
    request: Mapping[str, Any]
    number: int
    as_of: datetime
    requested_at: datetime
    received_at: datetime
    client_version: str
    outcome: str = "answered"

    @property
    def is_answered(self) -> bool:
        """Whether the body is what the cloud said."""
        return self.outcome == "answered"

    @property
    def days(self) -> tuple[date, ...]:
        """The days that the answer covers."""
        return tuple(date.fromisoformat(day) for day in self.request.get("days", ()))

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "key": self.key,
                "request": dict(self.request),
                "number": self.number,
                "as_of": self.as_of.isoformat(),
                "requested_at": self.requested_at.isoformat(),
                "received_at": self.received_at.isoformat(),
                "client_version": self.client_version,
                "outcome": self.outcome,
            },
            sort_keys=True,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, line: bytes) -> "Header":
        """Read ``to_json``.

        Raises:
            RawDamagedError: The line is not a header.
        """
        try:
            values = json.loads(line)
            return cls(
                key=values["key"],
                request=values["request"],
                number=values["number"],
                as_of=datetime.fromisoformat(values["as_of"]),
                requested_at=datetime.fromisoformat(values["requested_at"]),
                received_at=datetime.fromisoformat(values["received_at"]),
                client_version=values["client_version"],
                outcome=values["outcome"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RawDamagedError(f"not the header of a raw record: {line[:80]!r}") from error


@dataclass(frozen=True)
class Record:
    """One page of one answer: its header and the body as received (``null`` where there is none)."""

    header: Header
    body: bytes

    def document(self) -> Any:
        """The parsed body."""
        return parse_json(self.body)


def member(records: Iterable[Record]) -> bytes:
    """The records of one request as one gzip member."""
    lines = bytearray()
    for record in records:
        lines += record.header.to_json().encode() + b"\n" + one_line(record.body) + b"\n"
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    return packer.compress(bytes(lines)) + packer.flush()


def one_line(body: bytes) -> bytes:
    """A JSON document without line breaks: inside its strings they are always escaped, so only white space changes."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    return body.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in body or b"\r" in body else body


def read_members(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each whole gzip member with the offset of its end; a torn last one is left out.

    Raises:
        RawDamagedError: A member is corrupt.
    """
    offset = 0
    unpacker = zlib.decompressobj(_GZIP)
    text = bytearray()
    for chunk in chunks:
        rest = chunk
        while rest:
            try:
                text += unpacker.decompress(rest)
            except zlib.error as error:
                raise RawDamagedError(f"the gzip member at byte {offset} is corrupt: {error}") from error
            if not unpacker.eof:
                offset += len(rest)
                break
            offset += len(rest) - len(unpacker.unused_data)
            yield offset, bytes(text)
            rest = unpacker.unused_data
            unpacker = zlib.decompressobj(_GZIP)
            text = bytearray()


def read_records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """All records of a raw file.

    Raises:
        RawDamagedError: A member or header is corrupt, or the file ends inside a member.
    """
    complete = total = 0

    def counted() -> Iterator[bytes]:
        nonlocal total
        for chunk in chunks:
            total += len(chunk)
            yield chunk

    for end, text in read_members(counted()):
        complete = end
        yield from _records(text)
    if complete != total:
        raise RawDamagedError(f"ends inside a record: {total - complete} bytes after the last whole one")


def recover(path: Path) -> dict[str, Header]:
    """Cut a torn or corrupt end off an unfinished file; last header of each whole request by key."""
    headers: dict[str, Header] = {}
    complete = 0
    try:
        for end, text in read_members(file_chunks(path)):
            for record in _records(text):
                headers[record.header.key] = record.header
            complete = end
    except RawDamagedError:
        # A power cut can leave pages of zeros behind the last whole member; what is cut is asked for again.
        pass
    if complete < path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(complete)
    return headers


def file_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a megabyte at a time."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def sha256_of(chunks: Iterable[bytes]) -> str:
    """Hex SHA-256 of a stream."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _records(text: bytes) -> Iterator[Record]:
    lines = text.split(b"\n")
    if len(lines) % 2 != 1 or lines[-1]:
        raise RawDamagedError("a record lacks its body")
    for header, body in zip(lines[0:-1:2], lines[1:-1:2], strict=True):
        yield Record(Header.from_json(header), body)
