"""From the ledger to the sinks: a row of the outbox becomes a message and is handed to its sink.

Here belong what a message says (`builder`), what it says besides the ledger (`message_context` the values, `context` from
the warehouse, `charts` the pictures), sending (`worker`), and what people's systems send back over HTTP (`inbound` of PagerDuty, `slack_inbound`).

Not here: whether and whom to notify (``alerts.notify``), how each sink shows a message (``delivery``), the daily page
(``report``).
"""
