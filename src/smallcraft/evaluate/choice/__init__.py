"""The choice and what it rests on: paired comparisons, claims, the Pareto front, ablations."""
