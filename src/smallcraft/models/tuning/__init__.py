"""Trains encoders with torch: the only folder that imports it, reached by imports inside functions."""
