"""Why Dagster's storage cannot be used, for people: which home, what is wrong, what to do.

Here: recognising the errors of Dagster and of its databases. Not here: opening the storage (`dagster_home`).
"""

import os
import re
import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mist_pipeline.cli.code_location.files import DAGSTER_YAML
from mist_pipeline.cli.failures import disk_trouble
from mist_pipeline.domain.unwritable import why_unwritable

_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_STORAGE = ("dagster._core.storage", "dagster._core.instance", "dagster_postgres")
"""Modules of Dagster that ask its databases; the ledger's errors are not theirs."""
_VARIABLE = re.compile(r"\{'env': '(\w+)'\}")
"""How Dagster writes a value of its configuration that is to come from the environment."""


class DagsterHomeError(RuntimeError):
    """Dagster's storage cannot be used.

    Attributes:
        found: What is wrong, and where.
        fix: What to do.
    """

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(f"{found}. {fix}")
        self.found = found
        self.fix = fix


def checked_home(home: Path) -> Path:
    """The Dagster home that ``DAGSTER_HOME`` names.

    Raises:
        DagsterHomeError: There is no such folder.
    """
    if home.is_dir():
        return home
    leave = "`unset DAGSTER_HOME` to use the folder `dagster` of the data folder"
    if home.exists():
        raise DagsterHomeError(f"DAGSTER_HOME is {home}, which is no folder", f"Correct it, or {leave}")
    make = f"mkdir -p {home} && cp {DAGSTER_YAML} {home}/"
    raise DagsterHomeError(
        f"DAGSTER_HOME is {home}, which does not exist", f"Correct it, or make it: {make}, or {leave}"
    )


@contextmanager
def explained(home: Path) -> Iterator[None]:
    """Turn what Dagster raises over its storage and its configuration into errors that say what to do.

    Raises:
        DagsterHomeError: ``dagster.yaml`` cannot be used, or a database of Dagster is damaged or does not answer.
    """
    import yaml
    from dagster import DagsterInvalidConfigError
    from sqlalchemy.exc import DatabaseError, OperationalError

    configuration = home / "dagster.yaml"
    try:
        yield
    except DagsterInvalidConfigError as error:
        said = "; ".join(_first_sentence(each.message) for each in error.errors)
        raise _wrong_configuration(configuration, said) from error
    except yaml.MarkedYAMLError as error:
        if not _comes_from(error, ("dagster._core.instance",)):
            raise
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _wrong_configuration(configuration, f"it is no YAML{line}: {error.problem}") from error
    except DatabaseError as error:
        # Its other subclasses are defects, whose traceback somebody needs.
        if type(error) not in {DatabaseError, OperationalError} or not _comes_from(error, _STORAGE):
            raise
        raise _unusable(home, str(error.orig)) from error
    except _errors_of_postgresql() as error:
        cause = getattr(error.__cause__, "orig", None)
        raise _unusable(home, str(cause or error)) from error


def _errors_of_postgresql() -> tuple[type[Exception], ...]:
    """What Dagster's storage in PostgreSQL raises; none where that extra is not installed."""
    try:
        from dagster_postgres.utils import DagsterPostgresException
    except ImportError:
        return ()
    return (DagsterPostgresException,)


def _wrong_configuration(file: Path, said: str) -> DagsterHomeError:
    return DagsterHomeError(
        f"{file} cannot be used: {said}", f"Correct it, or begin again from the project's: {DAGSTER_YAML}"
    )


def _unusable(home: Path, said: str) -> DagsterHomeError:
    """What to do where a database of Dagster raised an error."""
    # What a driver says of a connection holds place and user, and no password.
    reason = said.strip().partition("\n")[0]
    if damaged := [place for name in _DATABASES if _is_damaged(place := home / name)]:
        files = ", ".join(map(str, damaged))
        return DagsterHomeError(
            f"Dagster's storage is damaged: {files}: {reason}",
            f"End `mist-pipeline daemon`, then restore {home} from a backup, or begin a new one: "
            f"mv {home} {home}.damaged. Only the record of past runs is lost",
        )
    found = f"Dagster's storage at {home} does not answer: {reason}"
    if words := why_unwritable(home) or disk_trouble(said):
        return DagsterHomeError(found, words[0].upper() + words[1:])
    return DagsterHomeError(
        found, "Is its database (DAGSTER_PG_URL) running, and may this account write to its home?"
    )


def _is_damaged(file: Path) -> bool:
    """Whether SQLite cannot read all of a file."""
    if not file.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        return type(error) is sqlite3.DatabaseError


def _comes_from(error: BaseException, modules: tuple[str, ...]) -> bool:
    """Whether it was raised beneath one of these modules."""
    names = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(name.startswith(modules) for name in names)


def _first_sentence(text: str) -> str:
    """What is said before Dagster lists everything that it would have taken."""
    if (named := _VARIABLE.search(text)) and named[1] not in os.environ:
        return f"the environment has no variable {named[1]}"
    return text.strip().partition("\n")[0].partition(". Expected:")[0]
