"""Interoperation needs Node's packages, and a browser for the app that runs in one."""

from tests.browser.conftest import chromium, open_page

__all__ = ["chromium", "open_page"]
