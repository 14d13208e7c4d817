"""Releases as versions of an MLflow model registry: put there with their proof, and believed nothing.

Always: what comes back is checked against the log that signed it, byte by byte; the same release is
registered once.
Not covered: MLflow's own records of runs, and who may write to its server.
"""
