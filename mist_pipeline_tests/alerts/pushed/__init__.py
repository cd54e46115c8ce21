"""What the cloud pushed, as it is kept."""
