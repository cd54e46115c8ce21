"""What would be sent? Every message as files in a folder, to try out routes.

Here: its configuration and its sink. Not here: what the files hold; the text is of ``delivery.rendering``, the page of the
mail and the document of the webhook are those of their sinks.
"""
