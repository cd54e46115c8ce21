"""What does ServiceNow understand of tickets?

Here: its configuration, and its Table API behind `TicketSystem`.
Not here: when a record is created, noted, resolved or reopened (``delivery.tickets.lifecycle``).
"""
