"""Who is told what, when: routes, escalations, quiet hours and maintenance in the configuration.

Here: the keys, and how they become values of ``alerts``. Not here: sinks (`sinks`), and what follows (``alerts``).
"""
