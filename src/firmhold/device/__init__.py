"""What runs on the device: it performs what the ground decides, and decides nothing itself."""
