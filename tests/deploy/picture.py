"""Takes the README's picture of the sign-in page of a running server: `python -m tests.deploy.picture`."""

import base64
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import FLAGS, PROGRAM
from tests.deploy.house import running

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "sign-in.png"
PHONE = {"width": 360, "height": 660}
SHEET = """<!doctype html><style>
body {{ margin: 0; display: flex; align-items: flex-start; gap: 24px; width: max-content; background: transparent }}
img {{ width: 360px; border: 1px solid #8b9893; border-radius: 14px }}
</style><img src="{light}"><img src="{dark}">"""


def page_of(chromium: Browser, url: str, scheme: str) -> str:
    """The page in one of its two looks, as an address that holds it."""
    context = chromium.new_context(viewport=PHONE, color_scheme=scheme, locale="en-GB")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    # The mirrored language is for development alone.
    page.evaluate("document.activeElement?.blur(); document.querySelector('footer li:last-child').remove()")
    taken = base64.b64encode(page.screenshot()).decode()
    context.close()
    return f"data:image/png;base64,{taken}"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as house,
        sync_playwright() as playwright,
    ):
        house.shell(
            "authserver settings set site_name 'Nordhafen University' >/dev/null\n"
            "authserver settings set support_contact help@nordhafen.example >/dev/null\n"
            "authserver settings set languages en de >/dev/null\n"
            "authserver clients add 'Field Notes' --id notes --public "
            "--redirect-uri https://notes.nordhafen.example/callback"
        )
        asked = {
            "client_id": "notes",
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": "https://notes.nordhafen.example/callback",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        chromium = playwright.chromium.launch(executable_path=PROGRAM, args=FLAGS)
        url = f"{house.issuer}/oauth/authorize?{urlencode(asked)}"
        looks = {scheme: page_of(chromium, url, scheme) for scheme in ("light", "dark")}
        page = chromium.new_page(viewport={"width": 800, "height": 700})
        page.set_content(SHEET.format(**looks))
        PICTURE.parent.mkdir(exist_ok=True)
        page.locator("body").screenshot(path=PICTURE, omit_background=True)
        chromium.close()


if __name__ == "__main__":
    main()
