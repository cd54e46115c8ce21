"""Helpers of the tests of ``mist_pipeline.analysis``: small made-up histories."""
