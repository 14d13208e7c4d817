"""The front door: who answers a request, whether it may enter, and what happens when no answer comes."""
