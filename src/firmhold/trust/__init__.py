"""May this be believed? Pure rules: bytes and `now` in, verdicts out; no I/O, no clock."""
