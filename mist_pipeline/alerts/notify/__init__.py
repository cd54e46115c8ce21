"""Who is notified of an incident, when, and why not: routes, silences, escalations, and the decision.

Here: pure functions from incidents and configuration to messages and reasons, and the configuration itself (one section a
route, window, silence and escalation). Not here: what becomes an alert or an incident (``alerts.lifecycle``), what is
stored (``alerts.ledger``), how a message looks and travels (``notification``, ``delivery``).
"""
