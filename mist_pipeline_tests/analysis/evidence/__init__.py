"""Tests of ``mist_pipeline.analysis.evidence``."""
