from benchmarks.rollouts.questions import QUESTIONS


def test_every_section_asks_and_says_what_hangs_on_it():
    assert all(question.title.endswith("?") for question in QUESTIONS)
    assert all(question.about.endswith(".") for question in QUESTIONS)
    assert len({question.title for question in QUESTIONS}) == len(QUESTIONS)
