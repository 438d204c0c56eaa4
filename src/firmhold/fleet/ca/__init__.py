"""The CA: decides who gets a device certificate, and of which class. No network reaches it."""
