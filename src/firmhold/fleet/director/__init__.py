"""The Director: derives each device's targets from operators' signed acts, and signs them."""
