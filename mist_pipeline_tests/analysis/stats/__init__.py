"""Tests of ``mist_pipeline.analysis.stats``."""
