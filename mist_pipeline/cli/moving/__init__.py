"""Commands that copy what is kept to another place."""
