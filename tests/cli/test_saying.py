import json

from smallcraft.cli.saying import say


def test_people_get_lines_and_scripts_one_object(capsys):
    say("first", "second", told={"a": 1}, as_json=False)
    assert capsys.readouterr().out == "first\nsecond\n"
    say("first", told={"a": 1}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"a": 1}
