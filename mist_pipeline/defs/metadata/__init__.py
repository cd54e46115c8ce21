"""What do assets and checks show of themselves in Dagster? Rows that fail, pictures, the version of their code.

Here: values for the pages of Dagster, made from frames and tables. Not here: which asset or check shows them (`assets`, `checks`).
"""
