"""What is wrong with the pipeline itself? Facts as values, pure rules over them, findings of kind ``pipeline`` out.

A state and not a stream of events: whoever asks late, twice or after a crash gets the same answer, and nothing is lost with
an event. Not here: where the facts come from (``defs.watching.pipeline_facts``, the ledger), when people are notified (``alerts``,
to which these findings are an evaluation of source ``pipeline``), findings about sites (``analysis.findings``).
"""
