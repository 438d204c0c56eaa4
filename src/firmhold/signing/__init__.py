"""The only code near a private key."""
