"""Thousands of rollouts at once on made traffic: what settings would do before they are used."""
