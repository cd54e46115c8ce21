"""Rows for tests of the warehouse."""
