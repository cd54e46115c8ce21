"""Tests of the workflows about analysis."""
