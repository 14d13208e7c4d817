"""What a candidate is worth and what it costs: measurements, the choice, the metered test set.

`scores` measure quality, `audits` ask what it costs whom, `decide` picks, `ledger` meters the sealed set.
"""
