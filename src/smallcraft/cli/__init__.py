"""The command line: turns words into calls, results into text, and errors into exit codes."""
