"""The console of ``mist-pipeline web``: how does it look in a browser, and what may it do?

Here: what stands in an address (`address`), what a page is given (`context`), the pages themselves (`pages`), their charts (`charts`), who may come in and
decide (`access`), updates while one looks (`live`), and the application that all of it is assembled to (`app`). Templates,
the stylesheet and the script are data of this package; nothing else is loaded, and nothing comes from another place.

Not here: the questions (``overview``, which alone knows files and queries), what a decision does
(``workflows.notifying.decisions``), which requests may reach the application (``guard``), the command (``cli.serving``).
"""
