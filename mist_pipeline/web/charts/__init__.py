"""Charts of the console: how do numbers over time, in stacks and in a calendar look? Values in, SVG and table rows out; pure.

Here: time (`slots`), numbers (`scales`), and one module for each kind of chart, which ends in a `Chart`: its picture, its legend and
its numbers as a table. The picture has no text from outside, no style and no script; colours are classes of the stylesheet, so that it
follows light, dark and print. Hovering reads the table (``assets/scripts/charts.js``). We draw ourselves because a page has a dozen charts:
a browserless Altair takes 126–202 ms of CPU for each, pygal 110 kB.

Not here: what is drawn (``overview.past``), markup around it (macro ``chart`` of ``parts.html.j2``).
"""
