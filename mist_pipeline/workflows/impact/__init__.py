"""Asking the cloud who is hit by incidents, within the live lane and not for long.

Here: when a run asks and how much it may spend (`ask`), which call answers a question and what its answer says (`answers`), and
what the evidence says of user-hours (`losses`). Not here: the rules (``alerts.impacts``), what a message says of it
(``notification``).
"""
