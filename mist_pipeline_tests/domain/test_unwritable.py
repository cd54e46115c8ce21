"""Why nothing can be written, in words that everything which keeps SQLite files says."""

import os
import sqlite3
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.domain.unwritable import why_unwritable
from mist_pipeline.mist.budget import CallBudget
from mist_pipeline.mist.errors import BudgetUnavailable
from mist_pipeline_tests.support.disks import simulate_disk


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ({}, ""),
        ({"f_flag": os.ST_RDONLY}, "is read-only: mount it writable"),
        ({"f_bavail": 3}, "is full: free some space"),
    ],
)
def test_a_folder_that_is_not_there_is_judged_by_what_it_would_be_in(
    system: dict[str, int], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_disk(monkeypatch, **system)
    said = why_unwritable(tmp_path / "not" / "yet")
    assert (words in said, bool(said)) == (True, bool(words))
    assert str(tmp_path) in said or not words


def test_a_folder_of_another_account_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert f"this account may not write to {tmp_path}" in why_unwritable(tmp_path)


def test_ledger_and_call_budget_say_that_the_disk_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_disk(monkeypatch, f_flag=os.ST_RDONLY)

    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    monkeypatch.setattr(sqlite3.dbapi2, "connect", refuse)
    with pytest.raises(BudgetUnavailable, match=r"unable to open database file; .* is read-only: mount"):
        CallBudget(tmp_path / "budget.db", ["token"]).acquire("live")
    with pytest.raises(LedgerUnavailableError, match=r"unable to open database file; .* is read-only: mount"):
        Ledger(tmp_path / "ledger.db")
