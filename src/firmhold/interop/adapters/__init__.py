"""The outside world of the plain clients: HTTP and folders."""
