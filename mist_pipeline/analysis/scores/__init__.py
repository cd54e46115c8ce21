"""How good is a service level, a metric, a site: severity, status, health, and where scores are heading?

Here belongs what turns readings of a day or an hour into words and numbers that people read. What is normal is in
``baselines``, how surprising a reading is in ``evidence``, what will come in ``forecasts`` and ``risks``.
"""
