"""What the script of the report page does, in a browser: ``make test-browser`` (chromium, chromium-driver)."""

from __future__ import annotations

import re

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

Browser = webdriver.Chrome
WINDOWS = {"desktop": (1600, 1000), "phone": (390, 844)}


def find(browser: Browser | WebElement, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def texts(browser: Browser, selector: str) -> list[str]:
    return [e.text for e in browser.find_elements(By.CSS_SELECTOR, selector)]


def head(browser: Browser, table: str, name: str) -> WebElement:
    return next(e for e in browser.find_elements(By.CSS_SELECTOR, f"#{table} thead th[scope=col]") if e.text == name)


def column(browser: Browser, table: str, name: str) -> list[str]:
    """Visible cells of a measured column below the reference rows, from top to bottom."""
    index = browser.execute_script("return arguments[0].cellIndex", head(browser, table, name))
    return texts(browser, f"#{table} tbody tr:not(.reference):not(.section):not([hidden]) > :nth-child({index + 1})")


def numbers(cells: list[str]) -> list[float]:
    return [float(found[0]) for cell in cells if (found := re.match(r"[-+]?[\d.]+", cell.replace("−", "-")))]


def test_nothing_is_fetched_and_nothing_fails(opened: Browser) -> None:
    addresses = opened.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [a for a in addresses if not a.startswith("data:")] == []
    assert opened.get_log("browser") == []


def test_a_column_sorts_by_click_and_by_key_and_references_stay_on_top(opened: Browser) -> None:
    first = texts(opened, "#four tbody tr:first-child th")
    before = numbers(column(opened, "four", "PSNR (dB)"))
    head(opened, "four", "PSNR (dB)").click()
    wait(opened, lambda: numbers(column(opened, "four", "PSNR (dB)")) == sorted(before, reverse=True))
    head(opened, "four", "PSNR (dB)").send_keys(Keys.ENTER)
    wait(opened, lambda: numbers(column(opened, "four", "PSNR (dB)")) == sorted(before))
    assert head(opened, "four", "PSNR (dB)").get_attribute("aria-sort") == "ascending"
    assert texts(opened, "#four tbody tr:first-child th")[0] in (first[0], "total variation")
    assert "reference" in str(find(opened, "#four tbody tr").get_attribute("class"))


def test_rows_are_filtered_and_counted(opened: Browser) -> None:
    rows = len(texts(opened, "#four tbody tr:not(.section)"))
    field = find(opened, "#four input[type=search]")
    field.send_keys("converse")
    shown = texts(opened, "#four tbody tr:not([hidden]) th")
    assert 0 < len(shown) < rows and all("onverse" in s for s in shown)
    assert find(opened, "#four output").text == f"{len(shown)} of {rows} rows"
    field.clear()
    field.send_keys(" ")
    assert len(texts(opened, "#four tbody tr:not(.section):not([hidden])")) == rows


def test_what_holds_keeps_its_headings_when_it_is_sorted_and_filtered(opened: Browser) -> None:
    headings = texts(opened, "#verdicts tr.section")
    assert headings == ["Borne out", "Contradicted", "Not measured", "Pictures"]
    before = column(opened, "verdicts", "verdict")
    head(opened, "verdicts", "verdict").click()  # words, each heading's rows among themselves
    head(opened, "verdicts", "verdict").click()
    wait(opened, lambda: head(opened, "verdicts", "verdict").get_attribute("aria-sort") == "ascending")
    wait(opened, lambda: column(opened, "verdicts", "verdict") != before)
    assert sorted(column(opened, "verdicts", "verdict")) == sorted(before)
    assert texts(opened, "#verdicts tr.section") == headings
    field = find(opened, "#verdicts input[type=search]")
    field.send_keys("borne")
    assert texts(opened, "#verdicts tr.section:not([hidden])") == ["Borne out"]
    field.clear()
    field.send_keys("looks")
    assert texts(opened, "#verdicts tr.section:not([hidden])") == ["Pictures"]
    assert find(opened, "#verdicts output").text == f"1 of {len(before)} rows"
    field.clear()
    field.send_keys(" ")
    assert texts(opened, "#verdicts tr.section:not([hidden])") == headings


def test_numbers_relative_to_the_default_row_and_back(opened: Browser) -> None:
    name = "PSNR (dB)"
    absolute = column(opened, "four", name)
    choice = Select(find(opened, "#four .controls select"))
    assert choice.options[1].text == "relative to Converse-DnCNN (default row)"
    choice.select_by_index(1)
    base = numbers([find(opened, "#four tr.base td.measured").text])[0]
    assert len(texts(opened, "#four tr.base")) == 1
    for was, now in zip(absolute, column(opened, "four", name), strict=True):
        if was != now:
            assert now[0] in "+−0" and numbers([now])[0] == pytest.approx(numbers([was])[0] - base, abs=0.011)
    assert sum(a != b for a, b in zip(absolute, column(opened, "four", name), strict=True)) >= 2
    choice.select_by_index(0)
    assert column(opened, "four", name) == absolute


def test_two_restorations_under_a_slider_and_in_turn(opened: Browser) -> None:
    figure = find(opened, "#four-viewer")
    slider = find(figure, "img-comparison-slider")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", slider)
    left, right = (find(slider, f"img[slot={side}]") for side in ("first", "second"))
    assert left.get_attribute("src") != right.get_attribute("src")
    assert opened.execute_script("return arguments[0].naturalWidth", left) > 50
    Select(figure.find_elements(By.TAG_NAME, "select")[0]).select_by_visible_text("clean")
    assert left.get_attribute("alt") == "clean"
    before = float(slider.get_property("value"))
    opened.execute_script("arguments[0].focus()", slider)
    ActionChains(opened).key_down(Keys.ARROW_RIGHT).perform()  # it moves as long as the key is held
    wait(opened, lambda: float(slider.get_property("value")) > before)
    ActionChains(opened).key_up(Keys.ARROW_RIGHT).perform()
    flicker = find(figure, "button[aria-pressed]")
    flicker.click()
    seen: set[float] = set()
    wait(opened, lambda: seen.add(float(slider.get_property("value"))) or seen >= {0.0, 100.0})
    flicker.click()
    assert flicker.get_attribute("aria-pressed") == "false" and float(slider.get_property("value")) == 50


def test_a_figure_opens_at_full_size_and_closes_by_key(opened: Browser) -> None:
    button = find(opened, "#four-axis .zoom")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    image = find(opened, "dialog[open] img")
    assert opened.execute_script("return arguments[0].width == arguments[0].naturalWidth", image)
    find(opened, "dialog[open] button").send_keys(Keys.ESCAPE)
    wait(opened, lambda: not opened.find_elements(By.CSS_SELECTOR, "dialog[open]"))


@pytest.mark.parametrize("window", WINDOWS)
def test_contents_stay_in_sight_and_the_page_never_scrolls_sideways(opened: Browser, window: str) -> None:
    # A phone is narrower than a window of the browser may be.
    width, height = WINDOWS[window]
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": window == "phone"}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        opened.refresh()
        opened.execute_script("scrollTo(0, document.body.scrollHeight)")
        top, bottom = opened.execute_script(
            "const box = document.querySelector('nav').getBoundingClientRect(); return [box.top, box.bottom]"
        )
        assert -1 <= top < bottom <= height + 1
        wait(opened, lambda: find(opened, "nav a[aria-current]").get_attribute("hash") != "#reading")
        assert opened.execute_script("return document.documentElement.scrollWidth") <= width
        assert opened.execute_script("return document.querySelector('nav details').open") is (window == "desktop")
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_a_phone_claims_and_headings_stay_while_a_table_scrolls_sideways(opened: Browser) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        opened.refresh()
        opened.execute_script("document.querySelector('#verdicts .scroll').scrollLeft = 200")
        lefts, wide = opened.execute_script("""
            const at = (e) => e.getBoundingClientRect();
            const kept = "tr.section span, tbody th[scope=row], thead th:first-child";
            return [[...document.querySelectorAll("#verdicts table")].flatMap((t) => [...t.querySelectorAll(kept)])
                .map((e) => at(e).left), at(document.querySelector("#verdicts tbody th[scope=row]")).width]
        """)
        assert all(0 <= left < 40 for left in lefts) and wide < 390 / 2
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_wide_tables_use_the_window(opened: Browser) -> None:
    room = opened.execute_script("return document.querySelector('#four .scroll').clientWidth")
    assert room > 1600 - 17 * 16 - 120


def test_everything_that_can_be_used_has_a_name(opened: Browser) -> None:
    nameless = opened.execute_script("""
        return [...document.querySelectorAll("button, select, input, a, img, [role=region]")].filter((e) =>
            !e.closest("dialog:not([open])") && !(e.ariaLabel || e.textContent.trim() || e.alt || e.title
            || e.labels?.length || e.querySelector?.("img[alt]"))).map((e) => e.outerHTML.slice(0, 80))
    """)
    assert nameless == []


def test_in_print_there_is_the_content_and_no_control(opened: Browser) -> None:
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        shown = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.offsetParent !== null).length"
        assert opened.execute_script(shown, "nav, .controls, .viewer, .csv") == 0
        assert opened.execute_script(shown, "figure.table") == len(texts(opened, "figure.table"))
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_the_script_everything_is_there(opened: Browser, page: str) -> None:
    opened.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened.get(page)
        assert len(texts(opened, "figure.table")) >= 2 and len(texts(opened, "figure.picture")) >= 4
        assert find(opened, "nav a").is_displayed()
    finally:
        opened.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def wait(browser: Browser, ready: object) -> None:
    """Until ``ready()`` is true; ten seconds and not longer."""
    assert callable(ready)
    WebDriverWait(browser, 10, poll_frequency=0.1).until(lambda _: ready())
