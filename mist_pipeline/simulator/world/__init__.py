"""What is true in the simulated organisation: sites, users, service levels, faults and their labels.

Everything that follows from a seed belongs here, as functions of their arguments, without clock and network. What a
caller may see of it at a moment, and how the cloud words it, is in ``simulator.cloud``.
"""
