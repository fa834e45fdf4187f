"""The page in a real browser."""

from __future__ import annotations

import pytest

from tests.live.browser import CHROMIUM, Browser
from tests.waiting import until

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("browser"))
    yield found
    found.close()


def text(browser, selector: str) -> str:
    return browser.value(f"document.querySelector({selector!r})?.innerText") or ""


def test_it_shows_the_client_and_what_happens_to_its_nodes(serve, served, browser):
    server = serve(port=0)
    browser.open(server.page)
    until(lambda: text(browser, "#link") == "live")
    assert text(browser, "h1") == "carts"
    assert text(browser, "#profile") == "latency"
    node = next(iter(served.resilience.nodes))

    served.resilience.isolate(node, reason="new <b>disk</b>")
    try:
        until(lambda: "isolated by hand: new <b>disk</b>" in text(browser, "#nodes"))
        until(lambda: f"node {node}: closed → isolated" in text(browser, "#changes"))
    finally:
        served.resilience.release(node)

    assert text(browser, "#nodes button:not([hidden])") == ""  # no order is allowed
    asked = set(browser.requested)
    assert {url.partition("#")[0].partition("?")[0] for url in asked} <= {
        server.url,
        f"{server.url}stream",
        "data:,",
    }
    assert not any(server.token in url for url in asked if "#" not in url)

    server.close()
    until(lambda: "trying again" in text(browser, "#link"))


def test_without_the_token_it_says_what_is_missing(serve, browser):
    browser.open(serve(port=0).url)

    until(lambda: "token" in text(browser, "#link"))
    assert "carts" not in text(browser, "body")


def test_its_buttons_give_the_orders_that_are_allowed(serve, served, browser):
    browser.open(serve(port=0, allow=["isolate", "release", "reload"]).page)
    until(lambda: text(browser, "#nodes button") == "Isolate")
    node = text(browser, "#nodes tr td")

    browser.value("setTimeout(() => document.querySelector('#nodes button').click()); 1")
    until(lambda: browser.value("1") and served.resilience.nodes[node]["state"] == "isolated")
    assert served.resilience.nodes[node]["reason"] == "isolated by hand: new disk"
    until(lambda: text(browser, "#nodes button") == "Release")
    browser.value("document.querySelector('#nodes button').focus()")
    browser.value("setTimeout(() => document.activeElement.click()); 1")  # it is still there
    until(lambda: served.resilience.nodes[node]["state"] == "closed")
    browser.value("document.querySelector('#reload').click()")
    until(lambda: text(browser, "#told") == "nothing changed")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
def test_it_fits_its_window_in_light_and_dark(serve, browser, width, dark):
    browser.open(serve(port=0, allow=["isolate"]).page, width=width, dark=dark)
    until(lambda: text(browser, "#link") == "live" and text(browser, "#nodes"))

    assert browser.value("document.documentElement.scrollWidth") <= width
    squeezed = browser.value(
        "[...document.querySelectorAll('#nodes button, .pill')].filter(one => one.offsetHeight > 40).length"
    )
    assert squeezed == 0
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(17, 22, 29)") == dark
