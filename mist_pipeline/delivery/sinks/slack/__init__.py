"""How is a message sent to Slack, by an incoming webhook or by a bot?

Here: the configuration of both, their sinks, the incident as blocks (`blocks`) with `buttons`, and what Slack sends when one is
pressed (`inbound`). Not here: the words (``delivery.rendering``).
"""
