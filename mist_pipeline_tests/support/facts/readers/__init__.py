"""What a person reads out of a report, a message, a list or a timeline, as facts."""
