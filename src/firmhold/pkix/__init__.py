"""Public keys and certificates (X.509, PKCS #10) by keys that live elsewhere."""
