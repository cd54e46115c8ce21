"""How does an incident page people by PagerDuty, and how do we learn who took it?

Here: its configuration, the sink for Events API v2, reading the webhooks (v3) that PagerDuty sends back (`inbound`),
and asking its REST API which of our pages an incident of PagerDuty holds (`api`).
Not here: the HTTP server that receives them (``notification.inbound``), when a page is due (``alerts.notify``).
"""
