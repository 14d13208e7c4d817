"""Openers of toy bundles for the cost audit: the child process imports this file by its name."""

import time

import numpy as np


class Quick:
    """Works for as long as its text is long."""

    def predict_proba(self, rows):
        total = sum(float(np.linspace(0, 1, 500).sum()) for _ in rows["text"][0].split())
        return np.array([[total, 1.0]]) / (total + 1)


class Forgetless(Quick):
    """Remembers every answer."""

    def __init__(self):
        self.known = {}

    def predict_proba(self, rows):
        text = rows["text"][0]
        if text not in self.known:
            time.sleep(0.001)
            self.known[text] = super().predict_proba(rows)
        return self.known[text]


class Slow(Quick):
    """Takes a tenth of a second."""

    def predict_proba(self, rows):
        time.sleep(0.1)
        return super().predict_proba(rows)


def open_quick(path):
    return Quick()


def open_forgetless(path):
    return Forgetless()


def open_slow(path):
    return Slow()


def open_broken(path):
    raise OSError(f"weights of {path.name} are gone")
