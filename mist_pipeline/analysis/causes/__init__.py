"""Which sites are degraded at a moment, and what do they have in common?

Here: flags of degraded sites, candidate causes with their statistics and words, and pairs of sites that move together.
Not here: what is unusual at one site (``evidence``, ``baselines``), and incidents, which are what people are notified
about (``alerts.lifecycle.grouping``).
"""
