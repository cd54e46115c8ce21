"""What will a score be in the coming days, and how good were earlier forecasts?

Here belong the series, the ARIMA filter, the search for orders, intervals, the table of forecasts and its accuracy.
When a threshold will be crossed is in ``risks``; statistics that others use too are in ``stats``.
"""
