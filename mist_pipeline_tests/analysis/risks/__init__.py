"""Tests of ``mist_pipeline.analysis.risks``."""
