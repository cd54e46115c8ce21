"""What the simulated cloud answers over HTTP: the documents, paging, budgets and faults of the Mist API.

The view of a world at the simulated now (`view`), JSON documents, endpoints and the server belong here. What happens
in the world is in ``simulator.world``; the client that is tested against it is in ``mist``.
"""
