"""Where files are kept that several machines may share: a folder, or an object store, behind one small interface (`files`).

Whole files by their keys, and what can go wrong with them, belong here. What is in a file, what it is called and how long it is
kept is known to whoever writes it.
"""
