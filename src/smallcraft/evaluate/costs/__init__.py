"""What a candidate costs to run: fresh processes, request scenarios, comparisons, energy, money.

`probe` and `open_loop` are the child processes, `processes` starts them, `latency` and `scenarios` read what
they report, `compare` sets two bundles side by side; `audits.cost` is the quick audit made of these.
"""
