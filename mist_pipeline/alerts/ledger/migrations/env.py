"""What Alembic runs: migrations on the connection that `database.migrate` hands over, in its transaction."""

from alembic import context

from mist_pipeline.alerts.ledger.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
