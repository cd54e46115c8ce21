"""Who runs on this data folder: processes and how they are recognised, and the lock of its one daemon.

Here: what is asked of the operating system (is that process alive, who holds the folder). Not here: what happens to runs whose
process is gone (``defs.runs``), writers of the warehouse, which take turns by its own lock (``warehouse.connection``).
"""
