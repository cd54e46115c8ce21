"""mist_pipeline: watches a Juniper Mist organisation and tells its people about trouble before users feel it."""

__version__: str
"""The version that is installed."""


def __getattr__(name: str) -> str:
    # Read when asked for: the standard library's reader of package metadata would slow down the start of every command.
    if name == "__version__":
        from importlib.metadata import version

        return version("mist-pipeline")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
