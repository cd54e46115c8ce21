"""What does the report say: frames of a day in, one document of JSON values out.

Sections that choose, sort and put into words belong here, and the types of the document (`model`). How the document
looks is in ``report.rendering``; whatever is computed about a day is in ``analysis``.
"""
