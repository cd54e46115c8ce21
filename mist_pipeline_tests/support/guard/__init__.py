"""Helpers for tests of the guard."""
