"""What is normal for a site and metric, and how far is a score from it, as people read it?

Here belong the baselines of days and of hours of the week, peers of new sites, excluded days and deviations. The
expectation that detection uses hour by hour is in ``evidence``; scores themselves are in ``scores``.
"""
