"""Tests of ``mist_pipeline.analysis.anomalies``."""
