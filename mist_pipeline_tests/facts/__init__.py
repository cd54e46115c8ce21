"""What people are told agrees with the tables, and with itself."""
