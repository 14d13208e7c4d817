"""`smallcraft watch`: what production does becomes windows, alarms, pages and batches of rows to label."""
