"""How is an incident sent to a receiver of one's own?

Here: its configuration, the JSON document, its signature, and the sink that posts it. Not here: webhooks that a service
defines, such as Slack's (``delivery.sinks.slack``).
"""
