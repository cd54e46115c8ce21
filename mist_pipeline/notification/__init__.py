"""The bridge between the ledger and the sinks: a row of the outbox becomes what people are told, and is handed over.

Pure: the values (`model`), what a message says (`message`). With a file: what the warehouse knows besides (`background`).
With heavy libraries: its picture (`charts`). With sinks and threads: sending (`worker`).

Not here: whether anybody is told, and whom (``alerts``); the words that all sinks share and how each of them shows them
(``delivery``); the page of the day (``report``).
"""
