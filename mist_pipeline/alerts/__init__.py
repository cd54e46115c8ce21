"""Findings become alerts, alerts become incidents, and incidents become rows of the outbox.

It answers what is wrong, since when, and who has to be notified. Three sub-rooms: `lifecycle` (pure: what happens to alerts
and incidents), `notify` (pure: who is notified of what, and when) and `ledger` (the database that keeps all of it).

Not here: findings themselves (``analysis``), and everything that leaves the house (``delivery``), which answers each row of
the outbox with an `outcome.Outcome`.
"""
