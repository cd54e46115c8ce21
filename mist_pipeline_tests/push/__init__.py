"""What the cloud says unasked."""
