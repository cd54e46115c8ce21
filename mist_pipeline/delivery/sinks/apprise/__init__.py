"""How is a message sent by one of the hundred services that the library Apprise knows?

Here: its configuration and its sink, which sends plain text. Not here: services with a sink of their own, which can do
more (``delivery.sinks``).
"""
