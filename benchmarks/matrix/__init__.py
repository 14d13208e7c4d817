"""What smallcraft runs on: each Python, with the lowest and the newest of what it depends on."""
