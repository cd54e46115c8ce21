"""How rows of any query are printed so that nothing in them is run: not by a terminal, not by a spreadsheet.

Here: frames as CSV, JSON and tables (`frames`). Not here: lists of incidents (``cli.alerts.tables``), and how the command line
speaks (``cli.console``).
"""
