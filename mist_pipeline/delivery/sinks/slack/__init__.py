"""How is a message sent to Slack, by an incoming webhook or by a bot?

Here: the configuration of both, their sinks, and the incident as blocks (`blocks`). Not here: the words
(``delivery.rendering``).
"""
