"""The present of an installation: its read model, publishing each poll for it, and decisions made while looking at it.

Not here: the questions (``overview``), the screen (``watch``), what a decision does (``workflows.notifying.decisions``).
"""
