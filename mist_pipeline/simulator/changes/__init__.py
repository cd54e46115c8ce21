"""Who changed the configuration of the simulated organisation, what and when?

Here: the changes that are a world's troubles or harmless (`drawn`), and the audit log as the cloud tells it (`audit_log`). Not here: what goes
wrong (``world``), and paths, pages and webhooks (``cloud``).
"""
