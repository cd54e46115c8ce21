"""Who runs on a data folder."""
