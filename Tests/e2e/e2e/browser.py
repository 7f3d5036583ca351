"""Chromium, headless, with a fake camera and microphone."""

import pathlib
import shutil
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

PAGES = pathlib.Path(__file__).resolve().parents[1] / "pages"

_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=30",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--window-size=1280,900",
]


class Browser:
    """One Chromium for all tests; each page opens in a window of its own and is closed after use."""

    def __init__(self):
        options = Options()
        options.binary_location = shutil.which("chromium")
        # A page's load event waits for the first frame of its video: we do not.
        options.page_load_strategy = "none"
        for argument in _ARGUMENTS:
            options.add_argument(argument)
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_script_timeout(20)
        self.blank = self.driver.current_window_handle

    def open(self, url: str, script: str = "measure.js") -> "Page":
        self.driver.switch_to.new_window("window")
        return Page(self.driver, url, script)

    def quit(self):
        self.driver.quit()


class Page:
    """A page, with one of our scripts from `pages` in it."""

    def __init__(self, driver, url: str, script: str):
        self.driver = driver
        self.handle = driver.current_window_handle
        # The measuring script is ours; the page's policy on scripts is not what is tested here.
        driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": (PAGES / script).read_text()})
        driver.get(url)
        deadline = time.monotonic() + 10
        while not driver.execute_script("return location.href !== 'about:blank' && Boolean(window.e2e)"):
            assert time.monotonic() < deadline, f"{url} does not open"
            time.sleep(0.02)

    def evaluate(self, expression: str, *arguments):
        """The value of an asynchronous expression of JavaScript in the page."""
        self.driver.switch_to.window(self.handle)
        result = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"(async (...given) => ({expression}))(...arguments).then("
            "  value => done({ value }), error => done({ error: String(error?.stack ?? error) }))",
            *arguments)
        assert "error" not in result, f"{expression}: {result['error']}"
        return result.get("value")

    def statistics(self) -> dict:
        return self.evaluate("await e2e.statistics()")

    def start_control(self):
        self.evaluate("await e2e.startControl()")

    def close(self, blank: str):
        self.driver.switch_to.window(self.handle)
        self.driver.close()
        self.driver.switch_to.window(blank)
