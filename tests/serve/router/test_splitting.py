"""Which arm a request meets: keys stick, the weight only adds them, draws replay."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from xxhash import xxh3_64_intdigest

from smallcraft.serve.router.splitting import Splitter

KEYS = [f"customer-{number}" for number in range(20_000)]
weights = st.floats(0.0, 1.0)


def canary_keys(salt: str, weight: float, keys=KEYS) -> set[str]:
    splitter = Splitter(salt, weight, "r1")
    return {key for key in keys if splitter.is_canary(splitter.bucket_of(key))}


@settings(max_examples=50)
@given(st.text(max_size=20), st.text(max_size=20), weights, weights)
def test_raising_the_weight_only_adds_keys(salt, key, one, other):
    low, high = sorted((one, other))
    assert canary_keys(salt, low, [key]) <= canary_keys(salt, high, [key])


def test_a_key_meets_the_same_arm_in_every_router():
    one, other = Splitter("salt", 0.3, "r1"), Splitter("salt", 0.3, "r2")
    assert [one.bucket_of(key) for key in KEYS] == [other.bucket_of(key) for key in KEYS]


def test_the_bucket_is_the_hash_of_salt_and_key():
    assert Splitter("salt", 0.5, "r1").bucket_of("kéy") == xxh3_64_intdigest("saltkéy".encode())


def test_weights_of_nothing_and_all_are_exact():
    assert canary_keys("s", 0.0) == set()
    assert canary_keys("s", 1.0) == set(KEYS)


def test_keys_and_draws_are_split_by_the_weight():
    splitter = Splitter("salt", 0.05, "r1")
    keyed = sum(splitter.is_canary(splitter.bucket_of(key)) for key in KEYS)
    drawn = sum(splitter.is_canary(splitter.draw()) for _ in KEYS)
    assert binomtest(keyed, len(KEYS), 0.05).pvalue > 1e-6
    assert binomtest(drawn, len(KEYS), 0.05).pvalue > 1e-6


def test_draws_replay_and_differ_between_routers():
    draws = [
        [splitter.draw() for _ in range(100)]
        for splitter in (Splitter("s", 0.5, "r1"), Splitter("s", 0.5, "r1"))
    ]
    other = [Splitter("s", 0.5, "r2").draw() for _ in range(100)]
    assert draws[0] == draws[1]
    assert not set(draws[0]) & set(other)


def test_another_salt_deals_keys_anew():
    both = len(canary_keys("one", 0.5) & canary_keys("other", 0.5))
    assert binomtest(both, len(KEYS), 0.25).pvalue > 1e-6
