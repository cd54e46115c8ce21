"""Tests of the rules and the table of findings."""
