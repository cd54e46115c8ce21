"""A Dask cluster on machines that share nothing but PostgreSQL, the object store and the scheduler, of which one is killed.

Here: the cluster (`scene`; its machines are those of ``failover``), a job as a process (`job`), a small rehearsal (``test_cluster``), a month of 500 sites and the
table of its speed (`harness`). Not here: what the executor decides (``defs/runs``).
"""
