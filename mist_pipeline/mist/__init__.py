"""The client of the Mist API: what can be asked, and whole answers or an error to it.

Calls, paging, the call budget, errors and the typed reading of documents belong here. HTTP itself is in `http_client`, what
is worth asking and what becomes of the answers in `collect`; neither tables nor Dagster are known.
"""
