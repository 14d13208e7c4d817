"""What stands on the report's page, as rows of printed words; the page itself is `pipeline/pages`."""
