"""Compiled inner loops (numba), each beside a plain numpy twin that is its test oracle.

Only modules of `stats` and `data` call these, and import them where they run: compiling takes seconds once.
"""
