"""Answers exactly as received: how they are written, found again by kind and day, and packed when they are old.

Files, their format and their retention belong here. What to fetch is decided in `collect.fetch`; what a document says is
read in `collect.history`.
"""
