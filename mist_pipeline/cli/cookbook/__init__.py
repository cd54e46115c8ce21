"""The cookbook (`docs/cookbook.md`): running the queries that stand on the page, writing their results and charts into it.

The page is the source: its queries are edited there. ``python -m mist_pipeline.cli.cookbook --data data/demo`` runs them.
"""
