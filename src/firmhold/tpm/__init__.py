"""What a TPM 2.0 does for us: keys that cannot leave it, and proof that they are in it."""
