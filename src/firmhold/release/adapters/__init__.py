"""Where a release desk keeps and publishes things: folders."""
