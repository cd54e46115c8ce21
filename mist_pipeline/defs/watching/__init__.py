"""What Dagster, the ledger and the machine say about the pipeline itself, for whoever asks whether it does its work.

Here: questions, answered as plain facts. Not here: what follows from them (``workflows.self_monitoring``), the sensor that notices and
the job that reports (`sensors`, `alert_jobs`).
"""
