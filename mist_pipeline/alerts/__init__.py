"""Findings become alerts, alerts incidents: lifecycle (pure), ledger (SQL), routing, silences, escalation."""
