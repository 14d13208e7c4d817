"""Gates: rules over evidence that say PASS, FAIL or UNDECIDED, and what would settle it."""
