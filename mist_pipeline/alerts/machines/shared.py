"""Where the lease of several organisations is: in a schema of its own of the database that keeps Dagster's runs.

One daemon serves all of them in one Dagster, so the lease is beside what it protects: machines that share the runs share the lease,
whichever organisations each of them can read, and a ledger that does not answer takes the lease from nobody. Not here: the lease (`lease`),
and telling each ledger who has it (``workflows.running.telling``).
"""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mist_pipeline.alerts.ledger.database import open_engine, writing
from mist_pipeline.alerts.ledger.tables import LEASES, MACHINES, METADATA
from mist_pipeline.alerts.machines.lease import ANSWER_SECONDS

SCHEMA = "mist_pipeline"


def open_shared(url: str) -> Engine:
    """A connection pool for the lease of several organisations, whose tables are made where they are not there.

    Args:
        url: Of Dagster's own database, as Dagster has it.

    Raises:
        LedgerUnavailableError: It does not answer.
        ProgrammingError: Its user may not make a schema.
    """
    # Dagster's address names a driver that need not be ours.
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    engine = open_engine(plain, answers_within=ANSWER_SECONDS, called="Dagster's database")
    with writing(engine) as connection:
        # Asked first: who may use it need not be allowed to make it.
        if not sa.inspect(connection).has_schema(SCHEMA):
            connection.execute(sa.schema.CreateSchema(SCHEMA))
    engine = engine.execution_options(schema_translate_map={None: SCHEMA})
    with writing(engine) as connection:
        METADATA.create_all(connection, tables=[LEASES, MACHINES])
    return engine
