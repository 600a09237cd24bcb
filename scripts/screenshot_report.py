"""Pictures of a report at the width of a desk and of a phone.

    toxiclf train corpus:sample --out runs/sample
    python scripts/screenshot_report.py runs/sample/report.html docs/images/report.png
    python scripts/screenshot_report.py runs/sample/report.html docs/images/overview.png --comment "꺼져라 이 쓰레기야"

Needs Debian's Chromium (apt-get install chromium fonts-nanum) and Playwright. The second picture has -phone in its name. With
--whole, all of the page; with --comment, the summary alone, below this comment and the verdict of the run's bundle; else the
first screen. Texts of comments stay blurred.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import toxiclf

SIZES = {"": (1180, 1000), "-phone": (390, 1500)}


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--comment")
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
            clip = None
            if options.comment is not None:
                show_verdict(page, options.report.parent / "bundle", options.comment)
                box = page.locator("section").first.bounding_box() or {}
                clip = {"x": 0, "y": 0, "width": width, "height": box["y"] + box["height"] + 16}
            page.screenshot(path=file, full_page=options.whole or clip is not None, clip=clip)
            print(file)
        browser.close()


def show_verdict(page: Page, bundle: Path, comment: str) -> None:
    """Put a comment and the verdict of a bundle on top of the page."""
    verdict = toxiclf.load(bundle).check(comment)
    page.evaluate(
        """([comment, verdict, colour]) => {
            const strip = document.createElement("div")
            strip.style.cssText = "display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; padding: 22px 50px; " +
                "font-size: 22px; background: #fff"
            for (const [text, style] of [
                [comment, "border: 1px solid #c9d1d9; border-radius: 18px 18px 18px 2px; padding: 10px 20px"],
                ["→", "color: #57606a"],
                [verdict, `color: #fff; background: ${colour}; border-radius: 8px; padding: 10px 20px; font-weight: 600`],
            ]) {
                const part = strip.appendChild(document.createElement("span"))
                part.textContent = text
                part.style.cssText = style
            }
            document.body.prepend(strip)
        }""",
        [
            comment,
            f"{'toxic' if verdict.is_toxic else 'not toxic'} · {verdict.score:.3f}",
            "#c9402f" if verdict.is_toxic else "#2e8555",
        ],
    )


if __name__ == "__main__":
    main()
