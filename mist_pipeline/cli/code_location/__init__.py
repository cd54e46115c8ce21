"""How do Dagster's own processes find the project? Its code server, and the two files that Dagster reads.

Here: ``dagster.yaml`` (the instance: limits, queue, launcher), ``workspace.yaml`` (for Dagster's own commands), the code servers that
`daemon` and `ui` share. The checkout's top folder links to the files, where `dagster dev` looks for them. Not here: what is served
(``definitions``), the Dagster home (`dagster_home`).
"""
