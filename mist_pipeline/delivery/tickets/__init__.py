"""How does a ticket follow its incident, in whatever ticket system people work with?

Here: the one life of a ticket (`lifecycle`), what a ticket system has to offer for it (`system`), its words, names and policy,
and one folder for each system (`jira`, `servicenow`) with its configuration and its API.
Not here: sinks without a ticket behind them (``delivery.sinks``), and when a message is due (``alerts``).
"""
