"""Findings become alerts, alerts become incidents, and incidents become rows of the outbox.

It answers what is wrong, since when, and who has to be notified. Sub-rooms: `lifecycle` (pure: what happens to alerts
and incidents), `impacts` (pure: who is hit), `notify` (pure: who is notified of what, and when), `ledger` (the database that keeps all of it),
`pushed` (what the cloud told unasked) and `machines` (which of several is active).

Not here: findings themselves (``analysis``), and everything that leaves the house (``delivery``), which answers each row of
the outbox with an `outcome.Outcome`.
"""
