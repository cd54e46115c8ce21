"""Dagster only, thin: partitions, assets by layer, checks, jobs, schedules, sensors, resources."""
