"""How do answers of the cloud become history, and how is the present polled?

Here: use cases that open the cloud, spend calls within the budget, keep raw files and make the history tables from them.
Not here: what is fetched and how files are kept (``collect``), the client (``mist``), storing tables as assets (``defs.assets``).
"""
