"""Which site-days are unusual, all service levels together?

Here belong the features of a day and the isolation forest that ranks them. Whether users suffer is in ``evidence``,
how far one score is from normal in ``baselines``.
"""
