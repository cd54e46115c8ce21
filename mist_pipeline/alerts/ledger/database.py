"""The database behind the ledger: opening it, transactions, and bringing it to the current version.

Here: what differs between SQLite and PostgreSQL. Not here: what is stored (`tables`), and changes of it (`ledger`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, make_url

from mist_pipeline.domain.text import clean
from mist_pipeline.domain.unwritable import why_unwritable

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSIONS = sorted(
    path.stem.removeprefix("ledger_") for path in (_MIGRATIONS / "versions").glob("ledger_*.py")
)
"""Known versions, oldest first: a migration's file is named after the version that it makes."""
_WAIT_SECONDS = 30
_PAUSED_SECONDS = 30
"""A transaction in which nothing was asked for so long is undone by the server: whoever began it is gone."""
_LOCK = 0x6D697374
"""Key of the PostgreSQL advisory lock that orders writers of one ledger ('mist')."""


_MIGRATING = Lock()
"""Alembic keeps what it is working on for the whole process: threads of one with several ledgers take turns."""

_DAMAGED = re.compile("malformed|not a database", re.IGNORECASE)


class LedgerUnavailableError(RuntimeError):
    """The ledger does not answer, is damaged, or is of a later version; the message says which and what to do."""


def open_engine(url: str | Path, *, answers_within: int | None = None, called: str = "the ledger") -> Engine:
    """A connection pool for the ledger.

    Args:
        url: A path of an SQLite file, or an SQLAlchemy URL (``postgresql+psycopg://…``; ``postgresql://`` means that).
        answers_within: Seconds after which a server that does not answer, or keeps one waiting for a lock, counts as gone; None: as the
            operating system has it, and locks are waited for.
        called: What errors call it.

    Returns:
        One that raises `LedgerUnavailableError`, now and later, where its database does not answer (damaged, full disk, no connection).

    Raises:
        LedgerUnavailableError: The URL is none, or its driver is not installed.
    """
    try:
        target = _target(url)
        if target.get_backend_name() != "sqlite":
            engine = sa.create_engine(
                target, pool_pre_ping=True, hide_parameters=True, connect_args=_patience(answers_within)
            )
            sa.event.listen(engine, "handle_error", partial(_say_why_silent, called))
            sa.event.listen(engine, "connect", partial(_configure_server, answers_within))
            return engine
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError) as error:
        raise LedgerUnavailableError(
            f"{called}'s address is no database URL: {type(error).__name__}; write a path or postgresql://user@host/name"
        ) from None
    except ImportError as error:
        raise LedgerUnavailableError(
            f"{called}'s driver is not installed ({error.name}); pip install 'mist-pipeline[postgres]'"
        ) from None
    if target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(target, connect_args={"timeout": _WAIT_SECONDS})
    sa.event.listen(engine, "handle_error", partial(_say_why_silent, called))
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction of the only writer: others wait. Committed at the end, undone on any error."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent view without locking anybody out."""
    options: dict[str, Any] = {"is_reading": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def migrate(engine: Engine) -> None:
    """Bring the ledger to the current version; several processes may do so at once.

    Raises:
        LedgerUnavailableError: It does not answer, or is of a version that this program does not know.
    """
    with writing(engine) as connection:
        current = _version(connection)
        if current == _VERSIONS[-1]:
            return
        if current is not None and current not in _VERSIONS:
            raise LedgerUnavailableError(
                f"the ledger has version {current}, which this program does not know. Update mist-pipeline."
            )
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        with _MIGRATING:
            command.upgrade(config, "head")


def check_pages(engine: Engine) -> None:
    """Read all of a ledger that is a file: damage is noticed only where it is read.

    Raises:
        LedgerUnavailableError: It is damaged.
    """
    with reading(engine) as connection:
        if connection.dialect.name == "sqlite":
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if found != "ok":
                raise LedgerUnavailableError(_why_silent(engine.url, f"malformed: {found}"))


def check_version(engine: Engine) -> None:
    """Refuse a ledger that is not of the current version, without changing it or waiting for a writer.

    Raises:
        LedgerUnavailableError: It is of another version, or nothing was ever written to it.
    """
    with reading(engine) as connection:
        current = _version(connection)
    if current == _VERSIONS[-1]:
        return
    if current is None or current in _VERSIONS:
        raise LedgerUnavailableError(
            "the ledger is of an earlier version; the next run of the daemon, or `mist-pipeline run`, updates it"
        )
    raise LedgerUnavailableError(
        f"the ledger has version {current}, which this program does not know. Update mist-pipeline."
    )


def _version(connection: Connection) -> str | None:
    """The version of a ledger; None of a new one. Read without Alembic, whose import takes half a second."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return version


def _target(url: str | Path) -> URL:
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(url))
    target = make_url(url)
    return target.set(drivername="postgresql+psycopg") if target.drivername == "postgresql" else target


def _say_why_silent(called: str, context: ExceptionContext) -> None:
    """Raise what people can do something about; all other errors are defects of ours, whose traceback somebody needs."""
    error = context.sqlalchemy_exception
    if context.is_pre_ping or type(error) not in {sa.exc.DatabaseError, sa.exc.OperationalError}:
        return
    url = context.engine.url if context.engine else None
    raise LedgerUnavailableError(_why_silent(url, str(context.original_exception), called)) from error


def _why_silent(url: URL | None, said: str, called: str = "the ledger") -> str:
    """What a ledger does not do, why, and what to do about it."""
    # What a driver says of a connection holds place and user, and no password.
    reason = clean(said.strip().partition("\n")[0], 120)
    if url is None or url.get_backend_name() != "sqlite":
        return f"{called} does not answer: {reason}"
    file = url.database
    if not _DAMAGED.search(reason):
        why = why_unwritable(Path(file).parent) if file else ""
        return f"{called} does not answer: {reason}{why and '; '}{why}"
    return (
        f"{called} {file} is damaged, or none: {reason}. End the daemon, then restore the file from a backup, or begin a new "
        f"one: mkdir damaged && mv {file}* damaged/. Without a backup acknowledgements, silences and feedback are lost, and "
        "incidents that go on begin again"
    )


def _patience(seconds: int | None) -> dict[str, int]:
    """What libpq calls how long it waits, for a connection and for an answer on one."""
    if seconds is None:
        return {}
    # What was asked and acknowledged is waited for without end where nobody looks whether the other side is still there.
    alive = {"keepalives_idle": seconds, "keepalives_interval": 1}
    return {"connect_timeout": seconds, "tcp_user_timeout": 1000 * seconds, **alive}


def _configure_server(answers_within: int | None, connection: Any, _record: object) -> None:
    # A machine that is paused or cut off in the middle of a transaction would keep all others from writing.
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{_PAUSED_SECONDS}s'")
        if answers_within is not None:
            cursor.execute(f"SET lock_timeout = '{answers_within}s'")
    connection.commit()


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transactions begin too late to protect what is read before it is written.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    is_reading = connection.get_execution_options().get("is_reading", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
