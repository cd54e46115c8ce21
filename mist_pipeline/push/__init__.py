"""What does the cloud say unasked? Mist's webhooks: who sent one, what is in it, and how it is taken.

Here: the signature and the form of a message (`message`), and the ASGI application that takes it (`application`). They know
nothing of where it is kept.

Not here: the table of what was pushed (``alerts.pushed.store``), what follows from it (``workflows.pushing``), which
requests get here and what clients may hold (``guard``).
"""
