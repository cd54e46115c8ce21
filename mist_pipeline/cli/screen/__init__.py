"""Commands that show the present while it changes: ``watch``.

Here: options, the clock, and wiring the read model to what draws it. Not here: the screen itself (``mist_pipeline.watch``).
"""
