"""Versions of the ledger, oldest first, run by Alembic when a ledger is opened."""
