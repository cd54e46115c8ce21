"""What goes on, who is notified of it, and what do people decide about it? The commands of ``mist-pipeline alerts``.

Here: reading what people type (`arguments`), printing what comes of it (`tables`), and a module a group of commands.
Not here: the rules (``alerts``), what a decision or a test message does (``workflows``), sinks (``delivery``).
"""
