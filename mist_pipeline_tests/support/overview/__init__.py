"""Organisations as the read model sees them: a published copy, live tables, sites and a ledger."""
