# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html in a real browser: what a person sees, clicks and types."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest
from chromium import Browser, executable

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from ansible_collections.dockernet.lab.plugins.plugin_utils._reports import reports
from report_runs import broken, cluster, run

SIZES = (4, 50, 200)
READY = "document.documentElement?.dataset.ready > 0"
OPENING_LIMIT = 2.0  # seconds, for 200 containers

pytestmark = pytest.mark.skipif(
    not executable(), reason="NOT TESTED: report.html in a browser: there is no Chromium here"
)


@functools.cache
def run_of(size):
    """A cluster whose last container is on no network."""
    return broken(size, nodes=4 if size > 4 else 2, networks=4 if size > 4 else 2)


@pytest.fixture(scope="module")
def browser():
    with Browser() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report of a cluster of each size, and of one where all is well."""
    directory = tmp_path_factory.mktemp("reports")
    for size in SIZES:
        (directory / f"{size}.html").write_text(dict(reports(run_of(size)))["report.html"], encoding="utf-8")
    (directory / "well.html").write_text(dict(reports(run(cluster(4))))["report.html"], encoding="utf-8")
    return directory


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def page(request, browser, pages):
    """Opens a page in each of the colour schemes; at its end, nothing has been asked and nothing gone wrong."""

    def open_page(name, width=1280, height=900, fragment=""):
        browser.look(width, height, dark=request.param)
        browser.seconds = browser.open(pages / f"{name}.html", READY, fragment)
        return browser

    yield open_page
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []


def text(browser, selector):
    return browser.js(f"document.querySelector('{selector}')?.innerText || ''")


def is_hidden(browser, selector):
    return browser.js(f"document.querySelector('{selector}').hidden")


def cell_label(browser):
    return browser.js("document.querySelector('[role=gridcell]').getAttribute('aria-label')")


def focus_grid(browser):
    browser.js("document.querySelector('#matrix').scrollIntoView(); document.querySelector('[role=gridcell]').focus()")


def cell_at(browser):
    """Where the chosen cell is on the screen."""
    return browser.js(
        "(() => { document.querySelector('#matrix').scrollIntoView();"
        "const r = document.querySelector('[role=gridcell]').getBoundingClientRect();"
        "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )


def colour_at(browser, x, y):
    """What the matrix shows at a place on the screen: red, green, blue."""
    browser.js("new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true))))")
    return browser.js(
        "(() => { const c = document.querySelector('#grid canvas'), r = c.getBoundingClientRect();"
        f"return [...c.getContext('2d').getImageData({x} - r.x, {y} - r.y, 1, 1).data].slice(0, 3); }})()"
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_click_on_a_wrong_cell_shows_its_evidence(page, size):
    browser = page(size)
    focus_grid(browser)  # it begins at the first that is wrong
    x, y = cell_at(browser)
    red, green, blue = colour_at(browser, x + 4, y)
    assert red > 180 > 125 > max(green, blue)
    browser.click(x, y)
    assert not is_hidden(browser, "#panel")
    last = f"{ {4: 'api', 50: 'cache', 200: 'cache'}[size] }{size - 1}"
    assert last in text(browser, "#panel-title")
    words = text(browser, "#panel-body")
    assert f"{last} is not attached to net" in words
    assert "expected allowed, observed blocked" in words
    assert "WRONG" in words.upper()


@pytest.mark.parametrize("size", SIZES)
def test_it_opens_fast(page, size):
    assert page(size).seconds < OPENING_LIMIT


def test_the_keyboard_moves_opens_and_closes(page):
    browser = page(4)
    focus_grid(browser)
    browser.press("Home")
    browser.press("ArrowUp", "ArrowUp", "ArrowUp")
    assert cell_label(browser).startswith("web0, works, as promised")
    browser.press("ArrowRight")
    assert cell_label(browser).startswith("web0 → web1, works, as promised")
    places = "[...document.querySelectorAll('[role=row], [role=gridcell]')].map(e => e.ariaRowIndex || e.ariaColIndex)"
    assert browser.js(places) == ["1", "2"]
    browser.press("ArrowDown", "ArrowDown", "End")
    assert cell_label(browser).startswith("api2 → api3, does not work: ")
    browser.press("Enter")
    assert text(browser, "#panel-title") == "api2 → api3"
    assert browser.js("document.activeElement.id") == "panel-title"
    browser.press("Escape")
    assert is_hidden(browser, "#panel")
    assert browser.js("document.activeElement.getAttribute('role')") == "gridcell"


def test_where_the_focus_is_can_be_seen(page):
    browser = page(4)
    focus_grid(browser)
    x, y = cell_at(browser)
    edge = browser.js("document.querySelector('[role=gridcell]').offsetWidth / 2 + 1")
    focus = browser.js("getComputedStyle(document.documentElement).getPropertyValue('--focus')").strip()
    assert colour_at(browser, x - edge, y) == list(bytes.fromhex(focus[1:]))
    browser.js("document.activeElement.blur()")
    assert colour_at(browser, x - edge, y) != list(bytes.fromhex(focus[1:]))


def test_the_matrix_follows_the_system_s_colour_scheme(browser, pages):
    seen = []
    browser.look(dark=False)
    browser.open(pages / "well.html", READY)
    for dark in (False, True):
        browser.look(dark=dark)
        x, y = cell_at(browser)
        seen.append(colour_at(browser, x + 12, y))
    assert sum(seen[0]) > 450 > 300 > sum(seen[1])


def test_n_and_p_go_to_what_is_wrong(page):
    browser = page(50)
    focus_grid(browser)
    seen = []
    for key in "nnnp":
        browser.press(key)
        seen.append(cell_label(browser))
    assert all("does not work" in label for label in seen)
    assert len(set(seen)) == 3
    assert seen[3] == seen[1]


def test_the_filter_leaves_what_is_wrong(page):
    browser = page(50)
    assert browser.js("document.querySelector('#grid').getAttribute('aria-rowcount')") == "50"
    browser.js("document.querySelector('#troubled').click()")
    wrong = {each.cell.source for each in run_of(50).verdicts if each.verdict == "wrong"}
    assert browser.js("document.querySelector('#grid').getAttribute('aria-rowcount')") == str(len(wrong))


def test_the_search_finds_containers_in_matrix_and_list(page):
    browser = page(50)
    browser.press("/")
    assert browser.js("document.activeElement.id") == "find"
    browser.press(*"web → cache49")
    assert browser.js("document.querySelector('#grid').getAttribute('aria-colcount')") == "1"
    browser.js("document.querySelector('#find').value = ''")
    browser.js("document.querySelector('#find').focus()")
    browser.press(*"nobody")
    assert is_hidden(browser, "#grid")
    assert text(browser, "#empty") == "No container matches."
    assert "No entry" in text(browser, "#findings-none")


def test_a_facet_shows_its_own_cells(page):
    browser = page(4)
    browser.js("[...document.querySelectorAll('#facets button')].find(b => b.innerText.startsWith('ping')).click()")
    assert browser.js("document.querySelector('#facets [aria-pressed=true]').innerText").startswith("ping")
    focus_grid(browser)
    browser.press("ArrowUp", "ArrowUp", "ArrowUp", "Home", "ArrowRight")
    assert cell_label(browser) == "web0 → web1, works, as promised: 1 cell"
    browser.js("[...document.querySelectorAll('#facets button')].find(b => b.innerText.startsWith('hosts')).click()")
    focus_grid(browser)
    browser.press("ArrowDown", "ArrowDown", "End")
    assert cell_label(browser) == "api2 → api3, apart, as promised: 1 cell"  # peers are never in it, with this engine


def test_an_entry_of_the_list_opens_its_evidence(page):
    browser = page(4)
    browser.js("[...document.querySelectorAll('tr[data-source]')].find(r => r.innerText.includes('→')).click()")
    assert "→" in text(browser, "#panel-title")
    assert "wrong" in text(browser, "#panel-body").lower()


def test_a_link_leads_to_a_pair(page):
    browser = page(4, fragment="#api2/api3")
    assert text(browser, "#panel-title") == "api2 → api3"


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_a_telephone(page, size):
    browser = page(size, 390, 844)
    assert browser.js("document.documentElement.scrollWidth") == 390


def test_a_large_matrix_scrolls_without_a_halt(page):
    browser = page(200)
    worst = browser.js(
        """(async () => {
            const grid = document.querySelector('#grid'), times = [];
            document.querySelector('#matrix').scrollIntoView();
            for (let i = 0; i < 40; i++) {
                grid.scrollTop += 60; grid.scrollLeft += 30;
                const begin = performance.now();
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                times.push(performance.now() - begin);
            }
            return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
        })()"""
    )
    assert worst < 100  # milliseconds a frame, half of them; this machine paints without a GPU


def test_the_picture_can_be_read_in_both_schemes(page):
    browser = page(4)
    dark = browser.js("matchMedia('(prefers-color-scheme: dark)').matches")
    fill = browser.js("getComputedStyle(document.querySelector('figure svg text')).fill")
    surface = browser.js("getComputedStyle(document.querySelector('figure svg .canvas')).fill")
    bright = {name: sum(map(int, value[4:-1].split(","))) for name, value in (("text", fill), ("canvas", surface))}
    assert (bright["text"] > bright["canvas"]) is dark
    assert abs(bright["text"] - bright["canvas"]) > 400


def test_all_well_is_said_at_once(page):
    browser = page("well")
    assert text(browser, ".headline") == "Everything is as promised"
    browser.js("document.querySelector('#troubled').click()")
    assert text(browser, "#empty") == "Nothing is wrong here."


def test_without_scripts_the_page_says_what_is_wrong(browser, pages):
    browser.look(scripts=False)
    try:
        browser.open(pages / "4.html")
        page = browser.call("DOM.getDocument", depth=1)["root"]["nodeId"]
        matrix = browser.call("DOM.querySelector", nodeId=page, selector="#matrix[hidden]")["nodeId"]
        finding = browser.call("DOM.querySelector", nodeId=page, selector=".finding[open].wrong tr")["nodeId"]
        assert matrix
        assert browser.call("DOM.getBoxModel", nodeId=finding)["model"]["height"] > 10
    finally:
        browser.look()


def test_it_prints(page, tmp_path):
    browser = page(50)
    browser.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert browser.js("getComputedStyle(document.querySelector('#grid')).height") != "auto"
