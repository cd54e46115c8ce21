"""What the cloud pushes: kept, and made use of."""
