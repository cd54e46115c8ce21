"""Are the times of the ledger right, and what is long over? What a wrong clock wrote down silences nobody; old events are folded (`folding`).

One evaluation with the clock three hours ahead would be the newest for three hours: later ones would be left out, and steps of
escalations and messages that were put off meanwhile would wait. A clock that was ahead and one that stands back now look alike, and both
are treated so: nothing that says that it happened later than now is right. Not here: the wrong clock itself, which is told as the
pipeline's own trouble (``workflows.self_monitoring``).
"""
