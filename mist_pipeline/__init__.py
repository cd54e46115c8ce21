"""mist_pipeline: watches a Juniper Mist organisation and tells its people about trouble before users feel it."""

from importlib.metadata import version

__version__ = version("mist-pipeline")
