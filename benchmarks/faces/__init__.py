"""Projects with a long history, for pages that must stay quick; the suite `faces` and tests make them."""
