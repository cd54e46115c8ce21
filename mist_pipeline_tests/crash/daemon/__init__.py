"""The daemon's crash test: Dagster with everything that it starts, killed at random moments of a busy day and started again.

Here: the service (`service`), the day (`day`), who kills it (`harness`), what must hold afterwards (`verdict`). Not here: kills of the
steps of notification one by one, thousands of windows of milliseconds, which the parent room does without Dagster.
"""
