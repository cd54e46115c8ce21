"""What of the warehouse has to be copied for the next published copy: marks of days that were written, and the former copy brought up to date.

What the published files hold, and how they take their place, is in ``warehouse.publish``.
"""
