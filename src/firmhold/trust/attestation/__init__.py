"""What a TPM says of itself and of its keys, judged from bytes."""
