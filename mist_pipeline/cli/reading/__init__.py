"""Commands that answer a question: ``report``, ``sql``, ``replay`` and ``watch``, a module each; and the dry run of ``retention``.

Here: options, the clock, and wiring what answers to what prints. Not here: the questions and answers (``overview``,
``workflows``), the live screen itself (``watch``), what alerts are and do (`alerts`).
"""
