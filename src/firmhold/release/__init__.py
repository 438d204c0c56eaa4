"""The release desk: from files to a signed, published repository (steps 1 to 7)."""
