"""Reading the published copy and the ledger for the morning report.

What a report is made of (`page`), and what it asks of the ledger (`ledger`). What it says and how it looks is
in ``report``.
"""
