"""The pages of the console, one module each. What does a page say, and from which answers of the read model?

To add a page:

1. Write ``pages/<name>.py`` with a function that takes a `Context` and returns a `Response`. It reads its state from
   ``context.address`` (then calls ``context.address.finish()``), asks ``context.overview`` and ``context.past`` (the read model; a page has no
   query of its own), and ends with ``context.page("<name>.html.j2", title=…, …)``. What the template needs is computed here; the template
   only writes it down. ``context.table(…)`` answers the same numbers as CSV,
   ``context.numbers(charts, name)`` those of a chart (``as=csv&chart=…``).
2. Write ``templates/<name>.html.j2`` that extends ``base.html.j2`` and fills ``{% block main %}``. Everything is escaped; markup of
   our own (SVG) comes as ``markupsafe.Markup``, without ``style`` attributes and scripts, which the policy forbids. Styles and scripts
   are files in ``assets/styles/`` and ``assets/scripts/``, which are put together by themselves. Macros for statuses, ages,
   instants, numbers and tables are in ``parts.html.j2``. What the script swaps while one looks stands in
   ``<section id="…" data-live>``; rows have a ``data-key``.
3. Give the module ``PAGES = (Page("/<path>/{site_id}", function, …),)`` and name the module in `registry`. A page
   with ``nav="<word>"`` stands in the navigation, in the order of `registry.NAVIGATION`.
4. Test it in ``mist_pipeline_tests/web/`` with the fixtures of its ``conftest.py``.

``NotHereError`` is a page with 404, ``BadAddressError`` one with 400; what the read model cannot read is said by the ages of its
answers and is never an error page.
"""
