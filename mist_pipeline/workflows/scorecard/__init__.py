"""Keeping what was issued, and grading it once its time has come.

Here: reading what a grade needs from the warehouse. Not here: the grades (``scorecard``), storing them (``defs``).
"""
