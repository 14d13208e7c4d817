"""Reads registries of earlier formats, and brings them to the present one."""
