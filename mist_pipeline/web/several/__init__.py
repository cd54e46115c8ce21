"""The console of several organisations at one port: a list of them, and the console of each below its key.

Here: who may see which, the way to each (`application`), the list (`listing`). Not here: the console of one (``web.app``), how
organisations stand (``overview.organisations``).
"""
