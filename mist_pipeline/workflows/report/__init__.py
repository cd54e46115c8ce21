"""Reading the published copy for the morning report.

What a report is made of (`page`), and which past incidents it tells (`past_incidents`). What it says and how it looks is
in ``report``.
"""
