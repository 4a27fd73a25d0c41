"""A browser without a window for tests: Google Chrome or Chromium, with its driver."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# GitHub's runners have both, and a driver for the first
BROWSER = shutil.which("google-chrome") or shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

PATIENCE = 600
"""After how many seconds to give up; a machine may be busy."""

HIGHER = """
return [...document.querySelectorAll("main *:not(pre):not(textarea)")].filter(box =>
  box.scrollHeight > box.clientHeight && getComputedStyle(box).overflowY === "auto"
).map(box => `${box.className} scrolls up and down: ${box.textContent.slice(0, 50)}`);
"""
"""Finds what shows a scroll bar for a few pixels of mathematics."""


@contextmanager
def browser() -> Iterator[Any]:
    """Start the browser and yield its driver; the test is skipped if there is none."""
    if not (BROWSER and DRIVER):
        pytest.skip("no browser: google-chrome or chromium, and chromedriver")
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


def opened(driver: Any, address: str, width: int = 1200, scheme: str = "light") -> Any:
    """Open a page in a window of some width; Chromium's own windows have a least width."""
    resized(driver, width, scheme)
    driver.get(address)
    return driver


def resized(driver: Any, width: int, scheme: str) -> None:
    """Give the window a width, and its reader a wish for light or dark."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def complaints(driver: Any) -> list[str]:
    """Return the messages on the console since the last call, and what is too wide or too high."""
    found = [str(entry["message"]) for entry in driver.get_log("browser")]
    found += driver.execute_script(HIGHER)
    root = "document.documentElement"
    wide, room = driver.execute_script(f"return [{root}.scrollWidth, {root}.clientWidth]")
    return found if wide == room else [*found, f"{wide} px wide in a window of {room} px"]


def until(driver: Any, condition: str, patience: float = PATIENCE) -> None:
    """Wait until a condition of JavaScript holds.

    Args:
        driver: the browser.
        condition: an expression.
        patience: after how many seconds to give up.

    """
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, patience, 0.2).until(
        lambda _: bool(driver.execute_script(f"return Boolean({condition})"))
    )
