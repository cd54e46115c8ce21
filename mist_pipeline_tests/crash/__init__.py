"""The crash test: all of evaluation and delivery, killed at random moments of a simulated week and started again."""
