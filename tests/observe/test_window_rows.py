"""Windows as rows and back: nothing changes on the way, and segments add up."""

from __future__ import annotations

from dataclasses import replace

from smallcraft.data.profiles.categories import from_counts
from smallcraft.data.profiles.packing import Seen
from smallcraft.data.profiles.profile import Profile, merge_profiles
from smallcraft.data.profiles.reference import MOST_WORDS
from smallcraft.observe.store import Wanted, WindowStore
from smallcraft.observe.window_rows import SEEN_COLUMN, from_stored, over_segments, read_windows, to_stored


def test_a_window_comes_back_as_it_was_seen(store_window):
    stored = store_window(5)
    window = from_stored([stored])
    again = to_stored(window.name, Seen(window.profile, window.kept), stored.parts)
    assert again == stored
    assert (window.profile.n, window.late, len(window.kept.random)) == (200, 0, 5)


def test_of_the_words_of_texts_the_most_frequent_are_kept(store_window):
    words = from_counts({f"w{place}": 2000 - place for place in range(2000)}, n=3000)
    seen = Seen(Profile(3000, 0, {"message/tokens": words, "message/language": words}))
    window = from_stored([to_stored(store_window(5).name, seen, ["p"])])
    kept, others = (window.profile.columns[f"message/{aspect}"] for aspect in ("tokens", "language"))
    assert set(kept.as_mapping()) == {f"w{place}" for place in range(MOST_WORDS)}
    assert others == words


def test_rows_that_were_left_out_are_remembered(store_window):
    name = store_window(5).name
    stored = to_stored(name, Seen(Profile(3, 7, {})), ["p"])
    assert set(stored.columns) == {SEEN_COLUMN}
    assert from_stored([stored]).profile.came == 10


def test_corrections_add_up(store_window):
    first, late = store_window(5), replace(store_window(6), name=store_window(5).name, parts=("late",))
    window = from_stored([first, late])
    assert (window.profile.n, window.late) == (400, 1)
    assert window.profile == merge_profiles([from_stored([each]).profile for each in (first, late)])


def test_segments_of_a_time_slice_are_one_window(store_window):
    north, south = (from_stored([store_window(5, segment=name)]) for name in ("north", "south"))
    both = over_segments([north, south])
    assert (both.name.segment, both.profile.n) == ("all", 400)
    assert both.kept.n == 400


def test_some_columns_can_be_read_alone(tmp_path, store_window):
    store = WindowStore(tmp_path)
    store.append(store_window(5))
    (window,) = read_windows(store, Wanted(columns=("age",)))
    assert (set(window.profile.columns), window.profile.n, window.kept) == ({"age"}, 200, None)
