"""What is done in one go, whoever asks for it? Use cases of plain arguments: settings, a warehouse, a ledger, an instant.

Here: reading from one room, calling another, storing in a third, so that ``defs`` and ``cli`` do the same.
Not here: Dagster (``defs``), Typer and printing (``cli``), and every rule, which is in the room that knows its subject.
"""
