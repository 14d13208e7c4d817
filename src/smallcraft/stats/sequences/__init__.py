"""Tests that may be looked at after every event (anytime-valid): counts in, e-values out."""
