"""Tests of tickets: one table of situations for every system, and what only one of them does."""
