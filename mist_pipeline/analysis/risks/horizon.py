"""How far risks look ahead: what the report has to know of them without their statistics (and SciPy).

>>> LOOK_AHEAD_DAYS // WARNING_DAYS
2
"""

LOOK_AHEAD_DAYS = 14
"""Nothing is said about days beyond: trends do not last."""

WARNING_DAYS = 7
"""``probability`` is that of crossing within a week."""
