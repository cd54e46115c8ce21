"""How is a message sent as a mail?

Here: its configuration, the MIME message with one thread for each incident, and the conversation with an SMTP server that
fails closed. Not here: the words and the HTML page (``delivery.rendering``).
"""
