"""Which requests may reach a page that we serve? What stands before Dagster's UI, the console and webhooks.

Here: ASGI layers that refuse what a foreign web page makes somebody's browser send (`rules`, `asgi`), that let in only who
has the token (`sign_in`), and that bound what one client (`connections`) and one part of a server (`threads`) can hold. They know nothing of what they guard.

Not here: what the pages answer (Dagster, ``web``, ``notification.inbound``), and who starts them (``cli``).
"""
