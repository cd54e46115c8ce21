"""How people are told: one small file each sink behind one interface, and the outbox."""
