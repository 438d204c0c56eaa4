"""Who decided what: signed words of people, each bound to exactly one thing."""
