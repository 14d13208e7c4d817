"""`python -m benchmarks.comparison`: draws the measured table of docs/compare.md from kept records."""

from __future__ import annotations

import argparse
import sys

from benchmarks.comparison.lines import read_lines
from benchmarks.comparison.page import render_table, write_page


def main(arguments: list[str]) -> int:
    """Draw the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.comparison", description="Draw the table of docs/compare.md."
    )
    parser.add_argument("--print", action="store_true", help="print the table; nothing is written")
    asked = parser.parse_args(arguments)
    if asked.print:
        sys.stdout.write(render_table(read_lines()))
    else:
        write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
