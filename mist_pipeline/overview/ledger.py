"""The ledger for reading: every way in which it cannot be read is one error, which says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.reader import LedgerReader
    from mist_pipeline.alerts.lifecycle.policy import Policy


class UnreadableError(Exception):
    """The ledger cannot be read just now; says why."""


class NoLedgerError(UnreadableError):
    """There is none yet: nothing was ever evaluated."""


def ledger_files(url: str | Path) -> list[Path]:
    """The files of a ledger in SQLite; none of one on a server. What is committed is in its log first."""
    is_file = isinstance(url, Path) or "://" not in url
    return [Path(url), Path(f"{url}-wal")] if is_file else []


@contextmanager
def reading_ledger(url: str | Path, policy: "Policy") -> "Iterator[LedgerReader]":
    """The ledger for the time of the block; nothing is made, migrated or waited for.

    Raises:
        NoLedgerError: There is none yet.
        UnreadableError: It is of another version, or does not answer.
    """
    from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
    from mist_pipeline.alerts.ledger.reader import reading_only

    files = ledger_files(url)
    if files and not files[0].exists():
        raise NoLedgerError("no ledger yet: nothing was evaluated")
    try:
        with reading_only(url, policy) as ledger:
            yield ledger
    except LedgerUnavailableError as error:
        raise UnreadableError(str(error)) from None


def told_machines(ledger: "LedgerReader") -> str:
    """Which of several machines is active and which stand by."""
    from mist_pipeline.alerts.machines.lease import read_machines
    from mist_pipeline.alerts.machines.words import machine_words

    return machine_words(read_machines(ledger.engine))
