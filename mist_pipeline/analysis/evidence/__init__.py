"""How surprising are the degraded user-minutes of each hour, given what the series, its peers and its site usually show?

Here belongs everything between the hourly history and ``analysis.evidence``: expectation, variance, tails, peer groups,
site load, the stored state, and the gates that choose what deserves attention. Findings and causes made from evidence
are in ``analysis.findings`` and ``analysis.causes``; baselines that people read are in ``analysis.baselines``.
"""
