"""Tests of ``mist-pipeline alerts``, a module a group of commands."""
