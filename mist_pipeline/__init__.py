"""mist_pipeline: watches a Juniper Mist organisation and tells its people about trouble before users feel it."""
