"""Tests of the console, page by page."""
