"""How this program speaks HTTP as a client: one session policy, one reading of ``Retry-After``, one set of failures.

What both the Mist client and the sinks need belongs here: requests, limits, waits, secrets and checks of addresses. What
an answer means does not: for the cloud that is in `mist.responses`, for a delivery in `delivery.http_outcome`.
"""
