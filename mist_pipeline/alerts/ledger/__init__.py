"""What happened, who was notified of it and what people did: one transactional database for all processes.

Here belong its tables and migrations (`tables`, `migrations`), opening it (`database`), every change (`ledger`,
`escalations`), every question (`reader`), the outbox (`outbox`), what analysts get (`export`), and the evaluations that
wait to be recorded (`evaluation_store`, `pending`).

Not here: the rules of alerts (``lifecycle``), the rules of notifications (``notify``), and sending (``notification``,
``delivery``).
"""
