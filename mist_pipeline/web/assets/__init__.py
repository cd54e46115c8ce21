"""The stylesheet and the script of the console: what does a page load besides itself?

Here: one file of each, made of the parts in ``styles/`` and ``scripts/`` in the order of their names, and of the palette. Each
has an address that changes with what is in it, so that browsers keep it for ever. Not here: markup (``web/templates``).
"""
