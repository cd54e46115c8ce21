"""What was: a site, a service level across sites, the days of the pipeline, and whether forecasts were right, over a range of time.

Here: ranges as they stand in addresses (`ranges`), the questions to the published copy and the live tables (`site`, `across`), the
answers as values (`model`), and the reader that asks (`reader`). It never waits for a writer, and says why it could not read.

Not here: how things are now (``overview.reader``), how answers look (``web``).
"""
