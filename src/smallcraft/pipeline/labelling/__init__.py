"""`smallcraft label`: rows worth a look become campaigns, answers become the next version of the data."""
