"""How is a message sent by one of the hundred services that the library Apprise knows?

Here: its configuration, its sink, and the text as Markdown for services that show it. Not here: services with a sink of their own, which can do
more (``delivery.sinks``).
"""
