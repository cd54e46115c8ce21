"""When will a score fall below a threshold, and how probable is that?

Here belong the competing explanations of the last weeks and the table made from them. Forecasts of the scores are in
``forecasts``; what people are told about a risk is in ``findings``.
"""
