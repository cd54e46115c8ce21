"""Who changed the configuration of the simulated organisation, what and when?

Here: the changes that are a world's troubles or harmless (`drawn`), the audit log as the cloud tells it (`audit_log`), and where the WLAN templates that it
names apply (`wlan_templates`). Not here: what goes
wrong (``world``), and paths, pages and webhooks (``cloud``).
"""
