"""Which rows does an analysis need, and what is done with its answer?

Here: use cases that read the warehouse, call functions of ``mist_pipeline.analysis`` and return rows, for a day, for
the live evaluation and for a replay, and the settings as the rules that ``analysis`` takes. Not here: the methods
themselves (``mist_pipeline.analysis``), storing rows as assets (``defs.assets``), and evaluating alerts (``workflows``).
"""
