"""How does a message reach people, and what became of it?

Here: the message as a value, one folder for each kind of sink (``sinks``) and ticket system (``tickets``), the words that
all of them share (``rendering``), and the base of their configuration (`config`). Not here: when a message is due and to
which sink it goes (``alerts.notify``), making it from the ledger and sending it from the outbox (``notification``).
"""
