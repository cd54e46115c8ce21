"""How does the report look: the document in, text, JSON and one HTML page out.

Templates, charts, sparklines and the writing of files belong here. What is said is in ``report.document``; colours are
in ``domain.palette``, the theme of charts is in ``charts``.
"""
