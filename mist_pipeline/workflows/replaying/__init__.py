"""What would have been: the same span of history under several configurations, and what each would have told people.

Here: which analyses another configuration changes, running several at once over evidence that is read once, comparisons, and
choosing a configuration for a wish. Not here: closed hours as evaluations (``workflows.analysis.replay``), the lifecycle
(``alerts``), pairing and grading alerts (``scorecard.replays``), pages (``report``).
"""
