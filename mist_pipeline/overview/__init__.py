"""The read model: what is going on now, read from what is published and from the ledger.

Here: questions that every surface asks (the live screen, a page in a browser, the command line): the organisation now,
incidents, one incident, one site, search. Each answer says how old what it stands on is. Reading waits for no writer: it
opens the published copy, the published live tables and the ledger, never the warehouse. Beside the questions stands the protocol of
the decisions that surfaces offer (`actions`).

Not here: how an answer looks (``watch``, ``web``, ``cli``), what people decide (``workflows.notifying.decisions``), publishing (``warehouse.publish``).
"""
