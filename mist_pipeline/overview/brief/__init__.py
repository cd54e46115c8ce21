"""Short answers, as commands and checks want them: how it stands in one word, which site is meant, one incident whole.

Here: pure functions of what the read model answers, and which questions of the ledger belong together. Not here: reading (``overview.reader``),
how an answer looks (``cli``, ``watch``).
"""
