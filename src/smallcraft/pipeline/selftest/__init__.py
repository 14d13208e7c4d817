"""The self-test: small seeded data through every stage, and whether each does what it promises here."""
