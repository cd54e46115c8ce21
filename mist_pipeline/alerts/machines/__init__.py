"""Which of several machines is active? A lease in the database of the ledger, and who else is there to take over.

Here: the lease, by the clock of the database alone, and the machines that are there. Not here: its tables, which are made with those
of the ledger (``ledger.tables``), what a machine does that is active or loses it (``workflows.running.term``, ``cli.serving``).
"""
