"""Who may read and who may change: the token, the cookie, the form's secret, the name that was asked for."""

from __future__ import annotations

import pytest
from tests.dashboard.showing import TOKEN, showing

from smallcraft.dashboard.access import COOKIE, HEADERS, Access
from smallcraft.dashboard.actions import ACTIONS

FORM = "/rollout/none/order"


@pytest.fixture(scope="module")
def signed_in(pages):
    return pages.sign_in()


def csrf_of(pages):
    return pages.desk.access.csrf


def test_a_form_with_cookie_and_secret_reaches_what_it_orders(pages, signed_in):
    reply = pages.ask(FORM, form={"csrf": csrf_of(pages), "order": "freeze"}, headers=signed_in)
    assert reply.status == 409
    assert "no server is running" in reply.text


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_no_form_is_obeyed_without_a_cookie(action, pages):
    path = (
        action.path.replace("{rollout}", "x").replace("{alarm:path}", "x").replace("{", "").replace("}", "")
    )
    reply = pages.ask(path, form={"csrf": csrf_of(pages)})
    assert (reply.status, reply.text) == (403, "sign in with the token first\n")


@pytest.mark.parametrize("cookie", ["", "0" * 64, TOKEN])
def test_a_made_up_cookie_is_no_cookie(cookie, pages):
    reply = pages.ask(FORM, form={"csrf": csrf_of(pages)}, headers={"cookie": f"{COOKIE}={cookie}"})
    assert reply.status == 403


@pytest.mark.parametrize("secret", [{}, {"csrf": ""}, {"csrf": "0" * 64}])
def test_a_form_without_the_secret_of_the_page_is_refused(secret, pages, signed_in):
    reply = pages.ask(FORM, form={"order": "abort", **secret}, headers=signed_in)
    assert reply.status == 403
    assert "load the page again" in reply.text


@pytest.mark.parametrize(
    "sign",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_cookie_and_secret(sign, pages, signed_in):
    form = {"csrf": csrf_of(pages), "order": "abort"}
    reply = pages.ask(FORM, form=form, headers={**signed_in, **sign})
    assert reply.status == 403
    assert "another site" in reply.text


def test_without_a_token_nothing_can_be_changed(rolled):
    with showing(rolled) as shown:
        assert "read-only" in shown.ask(FORM, form={"csrf": shown.desk.access.csrf}).text
        assert shown.ask("/sign-in", form={"token": ""}).status == 200
        assert "set-cookie" not in shown.ask("/sign-in", form={"token": "None"}).headers


def test_a_wrong_token_gives_no_cookie(pages):
    reply = pages.ask("/sign-in", form={"token": TOKEN[:-1]})
    assert reply.status == 403
    assert "set-cookie" not in reply.headers


def test_the_cookie_holds_no_token_and_no_script_reads_it(pages):
    told = pages.ask(f"/sign-in?token={TOKEN}").headers["set-cookie"]
    assert TOKEN not in told
    assert "httponly" in told.lower()
    assert "samesite=strict" in told.lower()


def test_forms_are_shown_only_to_who_signed_in(pages, signed_in):
    assert 'name="csrf"' not in pages.ask("/rollout").text
    assert csrf_of(pages) not in pages.ask("/rollout").text
    assert "Signed in" in pages.ask("/rollout", headers=signed_in).text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_name_that_is_not_ours_is_refused_whatever_the_path(host, pages):
    for path in ("/", "/static/pages.css", "/sign-in", "/changes"):
        assert pages.ask(path, headers={"host": host}).status == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8090", "127.0.0.1", "[::1]:8090"])
def test_the_loopback_goes_by_its_names(host):
    assert Access().is_known_host(host)


def test_a_name_that_was_allowed_is_known_and_no_other():
    access = Access(hosts=("models.example",))
    assert access.is_known_host("models.example:443")
    assert not access.is_known_host("other.models.example")


def test_where_reading_needs_the_token_nothing_else_is_shown(rolled):
    with showing(rolled, token=TOKEN, must_sign_in=True) as shown:
        for path in ("/", "/rollout", "/report", "/changes?page=/", "/nothing"):
            reply = shown.ask(path, headers={"host": "models.example"})
            assert (reply.status, reply.headers["location"]) == (303, "/sign-in")
        assert shown.ask("/", headers=shown.sign_in()).status == 200


def test_two_servers_do_not_take_each_others_cookies():
    one, other = Access(TOKEN), Access(TOKEN)
    assert not other.is_signed_in({COOKIE: one.cookie})


def test_every_answer_forbids_what_comes_from_elsewhere(pages):
    for path in ("/", "/static/live.js", "/nothing", "/sign-in"):
        headers = pages.ask(path).headers
        assert {name: headers[name] for name in HEADERS} == dict(HEADERS)
    assert "default-src 'none'" in HEADERS["content-security-policy"]
    assert "'unsafe-inline'" not in HEADERS["content-security-policy"].replace(
        "style-src-attr 'unsafe-inline'", ""
    )
