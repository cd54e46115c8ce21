"""The fact check: what a surface says, read back out of it and compared with the tables that it was made of."""
