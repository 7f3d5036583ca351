"""What the tests share: the product, the clip, the browser, the publishers."""

import itertools
import os
import pathlib
import shutil

import pytest

from e2e.browser import Browser
from e2e.product import ROOT, Product
from e2e.publishers import FFmpegPublisher, make_clip, make_clock_clip

_rooms = itertools.count(1)


def pytest_configure(config):
    for program in ("chromium", "chromedriver"):
        assert shutil.which(program), f"{program} is not installed; tools/test installs it"


def pytest_collection_modifyitems(items):
    """The logs are searched when there is nothing more to be logged."""
    items.sort(key=lambda item: item.fspath.basename == "test_zz_logs.py")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The end of what each product said stands beside a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for product in list(Product.running):
            report.sections.append((f"log of {product.home}", product.log[-6000:]))
        for publisher in item.funcargs.get("publish", Publish.none).started:
            report.sections.append(("log of FFmpeg", publisher.log[-3000:]))


@pytest.fixture(scope="session")
def binaries() -> pathlib.Path:
    return pathlib.Path(os.environ.get("SIGMA_BIN_DIR") or ROOT / ".build" / "release")


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    make_clip(path)
    return path


@pytest.fixture(scope="session")
def clock_clip(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("clip") / "clock.mkv"
    make_clock_clip(path)
    return path


@pytest.fixture(scope="session")
def shared_product():
    product = Product().start()
    yield product
    status = product.stop()
    product.remove()
    assert status == 143, f"SIGTERM ends tools/run with 143, not {status}"


@pytest.fixture
def product(shared_product):
    """The product that most tests share; each leaves it empty, or the next gets a fresh one."""
    yield shared_product
    try:
        shared_product.wait_until_empty(5)
    except (AssertionError, OSError):
        shared_product.stop()
        shared_product.start()
        raise


@pytest.fixture
def own_product():
    """Makes products that a test may break. They are started by the test."""
    made = []

    def make(**environment: str) -> Product:
        made.append(Product(**environment))
        return made[-1]

    yield make
    for product in made:
        if product.process:
            product.stop()
        product.remove()


@pytest.fixture
def room() -> str:
    return f"room-{next(_rooms)}"


class Publish:
    """Starts FFmpeg publishers and waits for their media; ends those that still run."""

    none: "Publish"

    def __init__(self, clip: pathlib.Path | None, folder: pathlib.Path | None):
        self.clip, self.folder, self.started = clip, folder, []

    def __call__(
        self, product: Product, room: str, *options: str, clip: pathlib.Path | None = None
    ) -> FFmpegPublisher:
        publisher = FFmpegPublisher(
            clip or self.clip, f"{product.url}/whip/{room}", product.token,
            self.folder / f"ffmpeg-{len(self.started)}.log", options)
        self.started.append(publisher)
        product.wait_for_publisher()
        return publisher


Publish.none = Publish(None, None)


@pytest.fixture
def publish(clip, tmp_path):
    publish = Publish(clip, tmp_path)
    yield publish
    for publisher in publish.started:
        publisher.stop()


@pytest.fixture(scope="session")
def shared_browser():
    browser = Browser()
    yield browser
    browser.quit()


@pytest.fixture
def browser(shared_browser):
    """Opens pages; those a test leaves open are closed."""
    pages = []

    class Opener:
        def open(self, url, *script):
            pages.append(shared_browser.open(url, *script))
            return pages[-1]

        def close(self, page):
            pages.remove(page)
            page.close(shared_browser.blank)

    yield Opener()
    for page in pages:
        page.close(shared_browser.blank)
