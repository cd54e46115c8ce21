"""A PostgreSQL server of the tests' own, where one can be started on this machine."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_ADDRESS = "MIST_TEST_POSTGRESQL"
_MISSING = (
    "PostgreSQL NOT TESTED: no initdb on this machine. Install it (Debian: apt-get install postgresql) or name a server "
    f"in {_ADDRESS} (postgresql://user@host/database, its tables are dropped)"
)


def server_folder() -> Path | None:
    """Where initdb and pg_ctl are."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return candidates[-1].parent if candidates else None


def as_somebody(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


def forget_lakes() -> None:
    """Let go of shared warehouses before their server ends: DuckDB, which holds all of a process in one place, asks each for tables of any other."""
    from mist_pipeline_tests.support.warehouse.lakes import forget

    forget()


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Address of an empty database, of a server that lives as long as the block; skips where there is none."""
    named = os.environ.get(_ADDRESS)
    if named:
        yield named
        return
    programs = server_folder()
    if programs is None:
        pytest.skip(_MISSING)
    # In memory where there is enough of it, and short: a socket's path has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="mist-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT", "/tmp")))
    who = as_somebody(folder)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*who, str(programs / program), *arguments], check=True, capture_output=True, cwd=folder
        )

    try:
        run("initdb", "-D", str(data), "-A", "trust", "-U", "ledger", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://ledger@/postgres?host={folder}"
        finally:
            forget_lakes()
            run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
