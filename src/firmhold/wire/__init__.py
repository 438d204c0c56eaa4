"""HTTP/1.1 for those who ask and do not trust the answer: bounded in time, size, place and form."""
