"""Helpers for tests of ``defs``."""
