"""What a model may give away: canaries that an attacker looks for, personal data that it carries."""
