"""Two machines of which one dies: killed, cut off, paused, or without its database, in the middle of a storm.

Here: two machines as network namespaces with host names of their own (`machines`), what they share (`database`, `storm`), who disturbs them
(`harness`), what must hold (`verdict`). They share PostgreSQL, the cloud, the receiver of messages, and a folder for files, as over NFS; Dagster's home,
temporary files, processes and network are each machine's own. ``test_turns`` does the same to the lease alone, in seconds. Not here: kills of one machine
that is started again (``crash``).
"""
