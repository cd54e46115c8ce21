"""How every chart looks: one theme for the SVG of the report and the PNG of notifications.

What belongs here is what charts share: the libraries that draw them, axes, fonts, the lower end of a scale. What a
chart shows is in ``report.rendering.charts`` and ``notification.charts``, colours are in ``domain.palette``.
"""
