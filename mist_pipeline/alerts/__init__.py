"""Findings become alerts, alerts incidents, incidents rows of the outbox.

Pure (clock and ids handed in, no I/O): the values (`model`), what findings say of a site and family (`signals`), rules
and times (`policy`), the lifecycle of one alert (`lifecycle`, `fold`), grouping by cause (`grouping`), one evaluation of
everything (`evaluation`), replay of past weeks (`replay`), silences (`matchers`, `windows`, `silences`), whom to tell
and why (`routes`, `telling`, `escalation`). With a database: the ledger (`tables`, `ledger`, `outbox`, `migrations`).

Not here: findings themselves (``analysis``) and everything that leaves the house (``delivery``), which works with the
outbox rows and answers with a `sink.Outcome`.
"""
