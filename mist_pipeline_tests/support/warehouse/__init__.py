"""Helpers of the tests of the warehouse."""
