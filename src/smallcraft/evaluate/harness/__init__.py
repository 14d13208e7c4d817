"""Any model, whatever its make: opened, asked, compared, without a project around it."""
