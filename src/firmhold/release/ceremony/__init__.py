"""Key ceremonies: who may sign is planned, signed apart, assembled, and looked at by another."""
