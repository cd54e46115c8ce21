"""PostgreSQL that both machines reach, with databases for ledger, Dagster and lake, and that can be restarted."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from mist_pipeline_tests.support.postgresql import as_somebody, forget_lakes, server_folder

NETWORKS = "10.0.0.0/8"


@dataclass(frozen=True)
class Database:
    """A running server.

    Attributes:
        folder: Of its files.
        port: Where it listens on every address.
    """

    folder: Path
    port: int

    def address(self, name: str, host: str = "127.0.0.1") -> str:
        """Of one of its databases."""
        return f"postgresql://ledger@{host}:{self.port}/{name}"

    def restart(self) -> None:
        """As an update does it: connections are ended, and it is there again within seconds."""
        self._control("-m", "fast", "restart")

    def start(self) -> None:
        """Make it and its databases."""
        options = ["-A", "trust", "-U", "ledger", "-E", "UTF8", "--no-sync"]
        self._run("initdb", "-D", str(self.folder / "data"), *options)
        with (self.folder / "data" / "pg_hba.conf").open("a", encoding="utf-8") as access:
            access.write(f"host all all {NETWORKS} trust\n")
        self._control("start")
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute("ALTER ROLE ledger SET idle_in_transaction_session_timeout = '30s'")
            for name in ("ledger", "dagster", "lake"):
                connection.execute(f"CREATE DATABASE {name}")

    def stop(self) -> None:
        """End it."""
        self._control("-m", "immediate", "stop")

    def _control(self, *what: str) -> None:
        options = (
            f"-k {self.folder} -p {self.port} -c listen_addresses='*' -c fsync=off -c max_connections=200"
        )
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, *what)

    def _run(self, program: str, *arguments: str) -> None:
        programs = server_folder()
        if programs is None:
            raise FileNotFoundError("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        who = as_somebody(self.folder)
        # A server that is started keeps pipes open for ever.
        subprocess.run(
            [*who, str(programs / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )


@contextmanager
def shared_database(port: int) -> Iterator[Database]:
    """A server for the time of a block."""
    # Short: a socket's path has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="mist-pg-", dir="/tmp"))
    database = Database(folder, port)
    try:
        database.start()
        try:
            yield database
        finally:
            forget_lakes()
            database.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
