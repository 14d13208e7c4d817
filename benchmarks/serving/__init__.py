"""Servers under load: peers on the same work, a load generator, hostile clients, a soak."""
