"""What a run needs and what there is, checked on request: a function a subject, each saying what it found and how to fix it.

Here: checks as values; none changes anything or sends anything. Not here: how they are printed (``cli.setup``), checks of tables
(``defs.checks``), and when trouble becomes an incident (`self_monitoring`).
"""
