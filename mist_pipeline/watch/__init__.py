"""The live screen of ``mist-pipeline watch``: how the read model looks on a terminal, and what keys do.

Here: pure lines (`lines`, `pages`), what changed between two answers (`changes`), the order and choice of rows (`rows`), and
the Textual application around them (`app`, its screens `main_screen` and `page_screens`, decisions from any of them `acting`). It knows no files: it is given what answers questions and what carries out decisions.

Not here: the questions (``overview``), what a decision does (``workflows.notifying.decisions``), the command (``cli.screen.watch``).
"""
