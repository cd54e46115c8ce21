"""Tests of flags, candidate causes and correlations."""
