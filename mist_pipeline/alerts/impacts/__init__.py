"""Who is hit by an incident, and how much: users, devices, user-hours lost beyond expectation.

Here, pure: when an incident is asked about again (`due`), which questions are worth their calls (`questions`), how large it is
by the evidence (`size`), and what follows from the answers (`measured`). Not here: asking the cloud (``workflows.impact``),
keeping the answers (``alerts.ledger``), putting them into words (``delivery.rendering``).
"""
