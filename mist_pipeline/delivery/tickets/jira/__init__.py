"""What does Jira, Cloud or Data Center, understand of tickets?

Here: its configuration, the two dialects of its REST API behind `TicketSystem`, and its text formats.
Not here: when a ticket is created, commented, closed or reopened (``delivery.tickets.lifecycle``).
"""
