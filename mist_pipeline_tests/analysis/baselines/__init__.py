"""Tests of ``mist_pipeline.analysis.baselines``."""
