"""What does a message say, whichever sink sends it?

Here: the words of an incident as clean plain text, the HTML page, and the steps that usually help. Not here: what one sink
makes of it (Slack's blocks, a ticket's markup: in their folders), and charts (``notification.charts``).
"""
