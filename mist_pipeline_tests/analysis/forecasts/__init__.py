"""Tests of ``mist_pipeline.analysis.forecasts``."""
