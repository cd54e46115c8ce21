"""How do people learn of it, and answer? Evaluating what was found, sending what is due, tickets, decisions, webhooks of pagers, buttons of chat.

Here: the steps from a kept evaluation to a sent message, and from what somebody decides to the ledger. Not here: the life of
an alert (``alerts``), how a message reaches a system (``delivery``), who is hit (`impact`), opening the ledger (`ledger_access`).
"""
