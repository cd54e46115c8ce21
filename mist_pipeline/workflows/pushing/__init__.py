"""What the cloud pushes: taken, kept, and made use of without waiting for the next poll.

Here: one module a use case. Not here: the form of a message (``push``), tables (``alerts.ledger``).
"""
