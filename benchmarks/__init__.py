"""Side by side with peers: what smallcraft measures, what others measure on the same rows, and the bars."""
