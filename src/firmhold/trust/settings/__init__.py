"""Trust settings: what a device believes besides TUF, signed offline by the top-level targets."""
