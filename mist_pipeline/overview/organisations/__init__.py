"""Several organisations beside each other: how each stands, the worst first.

Here: what a list says of one (`standing`), and keeping that up to date for those who look (`reader`). Each is read by itself: one that
cannot be read says so, and holds up no other. Not here: the questions about one (``overview.reader``), who may see which (``web``).
"""
