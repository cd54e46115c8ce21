"""Tests of ``mist_pipeline.analysis.scores``."""
