"""Bytes to questions, replies to bytes: the Open Inference Protocol v2, and a plain face for people."""
