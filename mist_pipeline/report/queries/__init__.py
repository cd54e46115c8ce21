"""Which data does the report need, and how does it read them from frames.

The frames and settings of a report (`data`), steps that every section takes with a frame (`frames`) and names of sites
belong here. What a section says is in ``report.document``; reading the warehouse is the caller's work.
"""
