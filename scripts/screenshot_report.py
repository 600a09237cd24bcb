"""Pictures of a report at the width of a desk and of a phone.

    toxiclf train corpus:sample --out runs/sample
    python scripts/screenshot_report.py runs/sample/report.html docs/images/report.png

Needs Debian's Chromium (apt-get install chromium fonts-nanum) and Playwright. The second picture has -phone in its name. With
--whole, all of the page; else its first screens. Texts of comments stay blurred.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZES = {"": (1180, 1000), "-phone": (390, 1500)}


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for suffix, (width, height) in SIZES.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme="dark" if options.dark else "light"
            )
            page.goto(options.report.resolve().as_uri())
            for plot in page.locator(".plot").all():
                plot.scroll_into_view_if_needed()
                plot.locator(".main-svg").first.wait_for()
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(300)
            file = options.picture.with_name(f"{options.picture.stem}{suffix}{options.picture.suffix}")
            page.screenshot(path=file, full_page=options.whole)
            print(file)
        browser.close()


if __name__ == "__main__":
    main()
