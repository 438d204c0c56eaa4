"""Where servers and desks keep things. Forbidden to the device."""
