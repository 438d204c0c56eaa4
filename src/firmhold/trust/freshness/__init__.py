"""What time it is, by signed word: statements that answer a nonce, and the floor they raise."""
