"""Was it right? Grades of forecasts, of predicted crossings and of their probabilities, once the time has come.

Here: pure functions from what was issued and what came to grades. Not here: making forecasts (``analysis``), keeping what was
issued (``workflows.scorecard``), how a grade is shown.
"""
