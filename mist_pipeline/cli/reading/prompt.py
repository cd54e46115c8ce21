"""The prompt of ``sql``: history, completion of tables and columns, statements over lines, and a few commands that begin with a dot.

Here: what is typed. Not here: what a statement answers (`sql`). Imported only when somebody sits at a prompt.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from mist_pipeline.cli.console import console
from mist_pipeline.cli.printing.options import Output
from mist_pipeline.domain.text import clean

if TYPE_CHECKING:
    import duckdb

Answer = Callable[["duckdb.DuckDBPyConnection", str, Output], bool]

_WORD = re.compile(r"[\w.]+")
_KEYWORDS = """
    SELECT FROM WHERE GROUP BY ORDER LIMIT JOIN LEFT USING ON AND OR NOT NULL IS IN BETWEEN LIKE ILIKE AS DISTINCT HAVING
    CASE WHEN THEN ELSE END WITH UNION ALL DESC ASC SUMMARIZE DESCRIBE count sum avg min max round date_trunc interval
    """
_HELP = """\
.tables          tables and views, with their rows
.columns TABLE   columns of one, with their types and meanings
.wide            cut nothing off, or cut again
.help            this
.quit            leaves; so does Ctrl-D

A statement ends with ; and may go over several lines; several on one line are answered one after another.
Tab completes, the arrows up and down walk through what was typed before, Ctrl-C throws away what is typed."""

_TABLES = """
    SELECT CASE WHEN schema_name = 'main' THEN name ELSE schema_name || '.' || name END AS "table", kind,
           coalesce(lpad(format('{:,}', max(rows)), 12, ' '), '') AS rows
    FROM (
        SELECT schema_name, table_name AS name, 'table' AS kind, estimated_size AS rows FROM duckdb_tables()
        UNION ALL SELECT schema_name, view_name, 'view', NULL FROM duckdb_views() WHERE NOT internal
    ) WHERE schema_name <> 'information_schema' GROUP BY ALL ORDER BY kind DESC, 1
    """
_COLUMNS = """
    SELECT column_name AS "column", lower(data_type) AS type, coalesce(comment, '') AS meaning FROM duckdb_columns()
    WHERE NOT internal AND (table_name = $name OR schema_name || '.' || table_name = $name) ORDER BY column_index
    """


class Names(Completer):
    """Completes tables, views, columns and words of SQL; after a dot the tables of a schema, or the columns of a table.

    Args:
        columns: Table, with its schema, → its columns.
    """

    def __init__(self, columns: Mapping[str, Iterable[str]]) -> None:
        self._of = {table: tuple(names) for table, names in columns.items()}
        self._all = sorted({name for names in self._of.values() for name in names})

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002 - of the interface
        """What the word before the cursor may become."""
        typed = document.get_word_before_cursor(pattern=_WORD)
        if document.text.startswith("."):
            typed = document.text.partition(" ")[2] if " " in document.text else document.text
            offered: Iterable[str] = self._of if " " in document.text else _COMMANDS
        else:
            offered = (
                *self._of,
                *self._after_dot(typed),
                *self._mentioned(document.text),
                *self._all,
                *_KEYWORDS.split(),
            )
        seen = set()
        for name in offered:
            if name.lower().startswith(typed.lower()) and name != typed and name not in seen:
                seen.add(name)
                yield Completion(name, start_position=-len(typed))

    def _after_dot(self, typed: str) -> Iterator[str]:
        table, dot, _ = typed.rpartition(".")
        if dot:
            yield from (f"{table}.{name}" for name in self._of.get(table, ()))

    def _mentioned(self, text: str) -> Iterator[str]:
        """Columns of the tables that the statement names already, before those of all."""
        for table, names in self._of.items():
            if table in text:
                yield from names


def begin(
    connection: "duckdb.DuckDBPyConnection", output: Output, answer: Answer, history: History | None = None
) -> None:
    """Read statements and answer them until somebody leaves."""
    session: PromptSession[str] = PromptSession(
        history=history or kept_history(),
        completer=Names(_columns(connection)),
        lexer=PygmentsLexer(SqlLexer),
        multiline=Condition(lambda: not is_whole(session.default_buffer.text)),
        prompt_continuation="...> ",
        complete_while_typing=False,
        enable_open_in_editor=True,
    )
    wanted = output
    while True:
        try:
            typed = session.prompt("sql> ").strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if typed == ".quit":
            return
        if typed == ".wide":
            wanted = Output(wanted.form, wanted.file, not wanted.is_wide)
            console.print("Rows are printed in full." if wanted.is_wide else "Rows are cut to the terminal.")
        elif typed.startswith("."):
            _obey(typed, partial(answer, connection), connection, wanted)
        elif typed:
            try:
                answer(connection, typed, wanted)
            except KeyboardInterrupt:
                console.print("Stopped.")


def is_whole(text: str) -> bool:
    """Whether Return ends what was typed: a command, nothing, or a statement with its semicolon.

    >>> [is_whole(text) for text in (".help", "", "SELECT 1", "SELECT 1; ")]
    [True, True, False, True]
    """
    typed = text.strip()
    return not typed or typed.startswith(".") or typed.endswith(";")


def _obey(
    typed: str, ask: Callable[[str, Output], bool], connection: "duckdb.DuckDBPyConnection", output: Output
) -> None:
    """Do what a command with a dot says."""
    command, _, name = typed.partition(" ")
    people = Output(is_wide=output.is_wide)
    if command == ".help":
        console.print(_HELP, markup=False)
    elif command == ".tables":
        ask(_TABLES, Output(is_wide=True))
    elif command == ".columns" and name.strip():
        connection.execute("SET VARIABLE asked = ?", [name.strip().rstrip(";")])
        ask(_COLUMNS.replace("$name", "getvariable('asked')"), people)
    else:
        console.print(f"There is no {clean(typed, 40)!r}; .help lists what there is.", markup=False)


def kept_history() -> History:
    """What was typed earlier, in the folder of this person's state; in memory alone where that cannot be written."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    file = state / "mist-pipeline" / "sql_history"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab"):
            return FileHistory(str(file))
    except OSError:
        return InMemoryHistory()


def _columns(connection: "duckdb.DuckDBPyConnection") -> dict[str, list[str]]:
    rows = connection.execute(
        """
        SELECT CASE WHEN schema_name = 'main' THEN table_name ELSE schema_name || '.' || table_name END,
               list(column_name ORDER BY column_index)
        FROM duckdb_columns() WHERE NOT internal GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    return {str(table): list(names) for table, names in rows}


_COMMANDS = (".help", ".tables", ".columns", ".wide", ".quit")
