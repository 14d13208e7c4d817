"""The metered test set: the ledger of looks, its file, its price, its terms."""
