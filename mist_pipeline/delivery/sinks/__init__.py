"""How is a message sent by mail, Slack, PagerDuty, a webhook, files or Apprise?

Here: one folder for each kind of sink. Its ``config.py`` has the keys, their checks and how they become a sink; its
``sink.py`` sends. A new sink is a new folder: ``delivery.discovery`` finds its configuration, and nothing else names it.
Not here: ticket systems (``delivery.tickets``), words (``delivery.rendering``), how HTTP answers are read
(``delivery.http_outcome``).
"""
