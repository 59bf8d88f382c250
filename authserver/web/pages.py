"""Every page by name, and render(), which turns one into an answer in the language of the request."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from flask import Flask, Response, render_template, request
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, pass_context
from jinja2.runtime import Context

from authserver.settings.colours import check_accent, contrast
from authserver.web import headers, here, language, told
from authserver.web.branding import Branding, accent_css
from authserver.web.pages_account import (
    ConnectedApp,
    ConnectedApps,
    Devices,
    Done,
    PasswordChange,
    Profile,
    Trusted,
    WithdrawApp,
)
from authserver.web.pages_dev import DevMails
from authserver.web.pages_factors import (
    AppShown,
    CodesLeft,
    CodesShown,
    FactorRemove,
    Factors,
    FactorSetUp,
    MailedCode,
    NewCodes,
    PasskeyEdit,
    PasskeyNew,
    PasskeyShown,
)
from authserver.web.pages_joining import (
    AddressChange,
    ConfirmAddress,
    Forgotten,
    NewPassword,
    Register,
    Told,
    ToldOf,
)
from authserver.web.pages_kept import Texts, filled
from authserver.web.pages_login import (
    Asked,
    ChooseAccount,
    ChooseWay,
    CodeSent,
    CodeUsed,
    Consent,
    EnrolNeeded,
    FirstOwner,
    FirstOwnerGone,
    FormPost,
    KeepCodes,
    NoWayWorks,
    PasskeyNeeded,
    Reauthenticate,
    SignIn,
    SignInState,
    StepNeeded,
)
from authserver.web.pages_parts import App, AppSetUp, Device, Link, Page, Person, Problem, Proved, Reason, Way
from authserver.web.pages_plain import (
    ExpiredSignIn,
    Home,
    NotAllowed,
    NotFound,
    Refused,
    RefusedKind,
    ServerError,
    SignedOut,
    SignOutConfirm,
    Unavailable,
    WrongMethod,
)
from authserver.web.pages_words import consent_sentence, day, moment, problem, translated, wait
from authserver.web.prose import prose
from authserver.web.qr import qr

__all__ = [
    "AddressChange",
    "App",
    "AppSetUp",
    "AppShown",
    "Asked",
    "Branding",
    "ChooseAccount",
    "ChooseWay",
    "CodeSent",
    "CodeUsed",
    "CodesLeft",
    "CodesShown",
    "ConfirmAddress",
    "ConnectedApp",
    "ConnectedApps",
    "Consent",
    "DevMails",
    "Device",
    "Devices",
    "Done",
    "EnrolNeeded",
    "ExpiredSignIn",
    "FactorRemove",
    "FactorSetUp",
    "Factors",
    "FirstOwner",
    "FirstOwnerGone",
    "Forgotten",
    "FormPost",
    "Home",
    "KeepCodes",
    "Link",
    "MailedCode",
    "NewCodes",
    "NewPassword",
    "NoWayWorks",
    "NotAllowed",
    "NotFound",
    "Page",
    "PasskeyEdit",
    "PasskeyNeeded",
    "PasskeyNew",
    "PasskeyShown",
    "PasswordChange",
    "Person",
    "Problem",
    "Profile",
    "Proved",
    "Reason",
    "Reauthenticate",
    "Refused",
    "RefusedKind",
    "Register",
    "ServerError",
    "SignIn",
    "SignInState",
    "SignOutConfirm",
    "SignedOut",
    "Staying",
    "StepNeeded",
    "Told",
    "ToldOf",
    "Trusted",
    "Unavailable",
    "Way",
    "WithdrawApp",
    "WrongMethod",
    "accent_css",
    "accent_url",
    "check_accent",
    "consent_sentence",
    "contrast",
    "install",
    "make_loader",
    "render",
    "static_url",
]

BRANDING = "authserver_branding"
STAYING = "authserver_staying"
TEXTS = "authserver_texts"
UNSAFE = re.compile(r"[^\w.~-]+", re.ASCII)
COMPARED: dict[type[Page], "attrgetter[object]"] = {}
OUR_TEXTS = frozenset({"/terms", "/privacy"})
WEB = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One language in the footline."""

    tag: str
    name: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """The sign-in of whoever reads a page: it goes idle in so many seconds, and `csrf_token` lets it go on."""

    idle: int
    csrf_token: str


def install(
    app: Flask,
    *,
    branding: Callable[[], Branding],
    override: Path | None = None,
    staying: Callable[[], Staying | None] = lambda: None,
) -> None:
    """Teach the app its pages. `branding` is asked at each render, so that a changed setting is seen at once."""
    app.extensions[BRANDING] = branding
    app.extensions[STAYING] = staying
    # What a template of the deployment's own shows may be of one visitor alone: Flask gives it their whole request.
    app.extensions[TEXTS] = Texts() if override is None else None
    environment = app.jinja_env
    environment.loader = make_loader(override)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(
        at=_at,
        contact_link=contact_link,
        day=day,
        moment=moment,
        our_link=our_link,
        prose=prose,
        qr=qr,
        safe_link=safe_link,
        translated=translated,
        wait=wait,
    )
    environment.globals.update(static_url=static_url, problem=problem)


def make_loader(override: Path | None) -> BaseLoader:
    """Templates by name: the deployment's own first, then ours, each replaced alone."""
    ours = FileSystemLoader(WEB / "templates")
    return ours if override is None else ChoiceLoader([FileSystemLoader(override), ours])


def render(page: Page, *, status: int | None = None) -> Response:
    """The page as an answer, in the language and with the branding of this request."""
    extensions = here.app().extensions
    branding: Branding = extensions[BRANDING]()
    spoken = language.current()
    if branding.logo_url or page.images:
        images = (_origin(url) for url in (branding.logo_url, *page.images))
        headers.allow_images(*filter(None, images))
    staying: Staying | None = extensions[STAYING]()

    def rendered() -> str:
        return _text(page, branding, spoken, staying)

    texts: Texts | None = extensions[TEXTS]
    if texts is not None and page.new and staying is None:
        key = (*_told_apart(page), spoken, language.overridden(), here.asked().root_path)
        text = texts.get(branding, key, rendered)
    else:
        text = rendered()
    response = told.Told.page(filled(text, page.new), status or page.status, spoken)
    if page.retry_in:
        response.headers["Retry-After"] = str(page.retry_in)
    return response


def _told_apart(page: Page) -> tuple[type[Page], object]:
    """What tells it from all other pages, without the comparing in Python that dataclasses do."""
    kind = page.__class__
    found = COMPARED.get(kind)
    if found is None:
        found = COMPARED[kind] = attrgetter(*(field.name for field in fields(page) if field.compare))
    return kind, found(page)


def _text(page: Page, branding: Branding, spoken: str, staying: Staying | None) -> str:
    return render_template(
        page.template,
        page=page,
        branding=branding,
        language=language.tag(spoken),
        direction=language.direction(spoken),
        switches=_switches(page, spoken),
        accent_url=accent_url(branding),
        staying=staying,
        **{field.name: getattr(page, field.name) for field in fields(page) if field.compare},
    )


def at(path: str) -> str:
    """A path of this server as a link: an issuer may have a path of its own before it."""
    return f"{here.asked().script_root}{path}" if path.startswith("/") else path


@pass_context  # so that a compiled template does not keep the path of the request that it was compiled in
def _at(context: Context, path: str) -> str:
    return at(path)


def static_url(name: str) -> str:
    """The address of one of our files; it changes with the content, which so may be kept for a year."""
    return at(_static_path(name))


@lru_cache(maxsize=64)
def _static_path(name: str) -> str:
    return f"/static/{quote(name)}?v={sha256((WEB / 'static' / name).read_bytes()).hexdigest()[:12]}"


def accent_url(branding: Branding) -> str:
    css = accent_css(branding)
    return at(f"/static/accent.css?v={sha256(css.encode()).hexdigest()[:12]}") if css else ""


def safe_link(url: str) -> str:
    """The URL if it may be followed from a page of ours, else nothing: what registered it is not what reads it."""
    parts = urlsplit(url)
    return url if parts.scheme in {"https", "http"} and parts.netloc and not parts.username else ""


def our_link(url: str) -> str:
    """A link of the deployment's own: one of our pages, or what safe_link lets through."""
    return at(url) if url in OUR_TEXTS else safe_link(url)


def contact_link(contact: str) -> str:
    """A contact as a link: a web address, or a letter to an e-mail address."""
    if "@" in contact and "/" not in contact and ":" not in contact:
        return f"mailto:{quote(contact, safe='@+')}"
    return safe_link(contact)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme == "https" and parts.netloc else ""


def _quoted(unsafe: re.Match[str]) -> str:
    # Python goes through a long value letter by letter as soon as one of them has to be quoted.
    return quote_plus(unsafe[0])


def _switches(page: Page, spoken: str) -> tuple[Switch, ...]:
    """The languages with links that lead back here; none where the page cannot be asked for again."""
    shown = page.here or (request.full_path.rstrip("?") if request.method == "GET" else "")
    tags = language.offered()
    if not shown or len(tags) < 2:  # noqa: PLR2004
        return ()
    over = language.overridden()
    back = f"return={UNSAFE.sub(_quoted, shown)}"

    def url(to: str) -> str:
        # Tags of languages are of letters and hyphens alone.
        return at(f"/language?to={to}&{back}{f'&over={over}' if over and over != to else ''}")

    return tuple(
        Switch(tag=language.tag(each), name=language.NAMES[each], url=url(each), is_current=each == spoken)
        for each in tags
    )
