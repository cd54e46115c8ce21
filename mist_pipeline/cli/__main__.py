"""``python -m mist_pipeline.cli`` is ``mist-pipeline``."""

from mist_pipeline.cli import main

main()
