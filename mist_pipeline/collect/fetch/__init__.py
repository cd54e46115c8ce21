"""Which calls bring the most for the calls that are left, and carrying them out until every answer is stored.

The planner, the windows of time it asks for, and the run of a plan belong here. What an answer looks like on disk is in
`collect.raw`, how a call is sent and repeated in `mist.client`.
"""
