"""Every page in every state, with sample data: for tests, and to look at.

`python -m tests.gallery` shows them on a local port; `python -m tests.gallery FOLDER` writes screenshots there.
"""

import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask, Response, request, send_from_directory
from markupsafe import Markup
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from authserver.login.trip import Trouble
from authserver.mail.languages import Written
from authserver.mail.outbox import Kept
from authserver.web import here, language, pages
from authserver.web.pages import (
    App,
    AppSetUp,
    AppShown,
    Asked,
    Branding,
    CodeSent,
    CodesLeft,
    ConnectedApp,
    Device,
    Done,
    Link,
    Page,
    PasskeyShown,
    Person,
    Problem,
    Proved,
    Reason,
    RefusedKind,
    SignInState,
    Trusted,
    Way,
)
from authserver.web.pages_account import Activity, DeleteAccount, EndDevice, ExportData, Happened, NotMe
from authserver.web.pages_asked import AskAddress, AskTerms, OurText
from authserver.web.pages_factors import LinkRemove, LinkShown
from authserver.web.pages_guide import Guide
from authserver.web.pages_joining import TakeUp
from authserver.web.pages_login import EnrolPasskey, TakeOver
from authserver.web.pages_upstream import (
    Elsewhere,
    Join,
    LeadOn,
    Leaving,
    NewHere,
    ProviderWay,
    Told,
    TrialDone,
    TrialStart,
)
from authserver.web.snippets import snippets
from authserver.web.wsgi import Pages

LANGUAGES = language.available(("en", "de"), mirrored=True)
PLAIN = Branding(
    name="Nordhafen University",
    support_contact="help@nordhafen.example",
    privacy_url="https://nordhafen.example/privacy",
    imprint_url="https://nordhafen.example/imprint",
)
NOW = datetime(2026, 3, 12, 14, 6, tzinfo=UTC)
NOTES = App(name="Field Notes", host="notes.nordhafen.example", contact="notes@nordhafen.example")
GRADES = App(name="Grades", host="grades.nordhafen.example")
MARA = Person(name="Mara Lindqvist", email="mara.lindqvist@nordhafen.example", username="mara")
TOKEN = {"csrf_token": "k1.mac", "tx": "sealed.value"}
HIDDEN = {"csrf_token": "k1.mac"}
FORM = {**TOKEN, "action": "/login/password"}
OPTIONS = '{"challenge": "AAAA", "rpId": "localhost"}'
ASKED = {**TOKEN, "app": GRADES, "proved": (Proved(title="Password", detail=MARA.email),)}
OUR_TEXT = """# What this is for

You may use this sign-in for your studies and your work. The rules are at https://nordhafen.example/rules.

# What you promise

Keep your password to yourself.
Tell us when somebody else knows it."""
ACCOUNT = {"csrf_token": "k1.mac", "person": MARA}
WAYS = (
    Way(title="Passkey", url="/login/passkey", hint="on this laptop"),
    Way(title="ORCID", url="/login/orcid", used_last=True),
    Way(title="Another university", url="/login/saml"),
)
REFERENCE = "K7QF-4F2M"
PROVIDERS = (
    ProviderWay(slug="orcid", title="ORCID", used_last=True),
    ProviderWay(slug="uni", title="Another university", resting=True),
    ProviderWay(slug="staff", title="Staff directory", asks_here=True),
)
RESEARCHER = Elsewhere(
    provider="ORCID", shown="0000-0002-1825-0097", page="https://orcid.org/0000-0002-1825-0097", is_orcid=True
)
STAFF = Elsewhere(provider="Another university", shown="mara@uni.example")
SET_UP = AppSetUp(
    secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    uri="otpauth://totp/Nordhafen:mara?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Nordhafen",
)
CODES = tuple(f"ABCD-EFGH-IJKL-MNO{letter}" for letter in "ABCDEFGHIJ")
STEP: dict[str, Any] = {
    **TOKEN,
    "action": "/login/totp",
    "app": GRADES,
    "heading": "Enter the code from your app",
    "title": "Authenticator app",
    "label": "Code",
    "proved": (Proved(title="Password", detail=MARA.email),),
}
MASKED = "m•••@nordhafen.example"
MAILED: dict[str, Any] = STEP | {
    "action": "/login/email",
    "heading": "Get a code by e-mail",
    "title": "Code by e-mail",
    "label": "Code from the mail",
    "help_url": "/login/help",
}
REASON = Reason(
    rule="redirect_uri_registered",
    detail="redirect_uri differs in the trailing slash",
    given="https://notes.nordhafen.example/callback/",
    nearest="https://notes.nordhafen.example/callback",
)
CONNECTED = ConnectedApp(
    app=NOTES,
    gets=(
        "Recognize you when you come back",
        "See your name and user name",
        "Read and write your field notes",
    ),
    since=NOW - timedelta(days=90),
    last_used_at=NOW - timedelta(hours=2),
    withdraw_url="/account/apps/c1",
    offline=True,
)
ASKS = (
    Asked(sentence="Recognize you when you come back"),
    Asked(sentence="See your e-mail address"),
    Asked(sentence="Read and write your field notes"),
)
DEVICES = (
    Device(
        id="s1",
        name="Firefox on Fedora",
        place="network 192.0.2.x",
        signed_in_at=NOW,
        last_seen_at=NOW,
        apps=("Field Notes", "Library"),
    ),
    Device(
        id="s2", name="Safari on iPhone", signed_in_at=NOW, last_seen_at=NOW, apps=("Library",), is_away=True
    ),
    Device(
        id="s3",
        name="Chrome on an Android phone",
        place="network 2001:db8:1::/48",
        signed_in_at=NOW,
        last_seen_at=NOW,
        is_new=True,
    ),
)
HAPPENED = (
    Happened(
        sentence="Signed in with a password",
        at=NOW,
        device="Firefox on Linux",
        place="192.0.2.x",
        is_here=True,
    ),
    Happened(sentence="A sign-in failed: the password or the code was wrong", at=NOW, is_warning=True),
    Happened(sentence="Allowed Field Notes access", at=NOW, device="Safari on iPhone"),
)
TAKEOVER: dict[str, Any] = {
    **TOKEN,
    "action": "/login/takeover",
    "app": NOTES,
    "proved": (Proved(title="Password", detail=MARA.email), Proved(title="Authenticator app")),
}
PAGES: dict[str, Page] = {
    "home": pages.Home(issuer="https://id.nordhafen.example", documentation_url="https://docs.example/"),
    "home-signed-in": pages.Home(
        issuer="https://id.nordhafen.example", documentation_url="https://docs.example/", person=MARA
    ),
    "home-no-owner": pages.Home(
        issuer="http://localhost:8000", documentation_url="https://docs.example/", needs_owner=True
    ),
    "guide": Guide(
        issuer="https://id.nordhafen.example",
        endpoints={"token_endpoint": "https://id.nordhafen.example/oauth/token"},
        snippets=dict(snippets("https://id.nordhafen.example")),
    ),
    "sign-in": pages.SignIn(**FORM, app=NOTES),
    "sign-in-plain": pages.SignIn(**FORM, keep_days=0),
    "sign-in-hint": pages.SignIn(**FORM, app=NOTES, username=MARA.email, forgotten_url="/login/forgotten"),
    "sign-in-ways": pages.SignIn(**FORM, app=NOTES, ways=WAYS),
    "sign-in-providers": pages.SignIn(**FORM, app=NOTES, providers=PROVIDERS),
    "sign-in-many": pages.SignIn(**FORM, app=NOTES, providers=PROVIDERS * 2, more=7),
    "sign-in-found": pages.SignIn(**FORM, providers=PROVIDERS[:1], find="orc", here_only=True),
    "sign-in-not-found": pages.SignIn(**FORM, find="<nobody>"),
    "sign-in-directory": pages.SignIn(
        **FORM, providers=PROVIDERS, said="Your account there cannot be used. Please ask those who run it."
    ),
    **{
        f"sign-in-trouble-{trouble}": pages.SignIn(
            **FORM, app=NOTES, providers=PROVIDERS, trouble=trouble.value, by="ORCID", reference="K7QF-4F2M"
        )
        for trouble in Trouble
    },
    "leaving": Leaving(title="ORCID", url="https://orcid.org/oauth/authorize?client_id=a&state=b"),
    "leaving-post": Leaving(
        title="University",
        url="https://idp.example/sso",
        posts=True,
        fields=(("SAMLRequest", "x"), ("RelayState", "y")),
    ),
    "lead-on": LeadOn(**FORM, title="ORCID", others_url="/login?here=yes", app=NOTES),
    "new-here": NewHere(**FORM, identity=RESEARCHER, app=NOTES),
    "new-here-known": NewHere(**FORM, identity=STAFF, name=MARA.name, email=MARA.email, email_known=True),
    "new-here-wrong": NewHere(
        **FORM, identity=STAFF, name="x", email="mara", errors={"email": "This is not an e-mail address."}
    ),
    "new-here-taken": NewHere(
        **FORM,
        identity=STAFF,
        email=MARA.email,
        email_known=True,
        errors={"email": "There is an account with this address. Sign in to it to connect the two."},
    ),
    "have-account": NewHere(**FORM, identity=STAFF, makes_account=False, app=NOTES),
    "join": Join(csrf_token="t", action="/login/join", identity=RESEARCHER, person=MARA),
    "trial-start": TrialStart(csrf_token="t", action="/login/upstream/orcid/trial", title="ORCID"),
    "trial-start-directory": TrialStart(
        csrf_token="t", action="/login/upstream/staff/trial", title="Staff directory", asks_here=True
    ),
    "trial-done": TrialDone(
        title="ORCID",
        again_url="/login/upstream/orcid/trial",
        outcome="They would be asked whether they are new, and could make an account.",
        facts=(Told(name="subject", value="0000-0002-1825-0097"),),
        values=(Told(name="orcid", value="https://orcid.org/0000-0002-1825-0097", becomes="orcid"),),
    ),
    "trial-refused": TrialDone(
        title="ORCID", again_url="/login/upstream/orcid/trial", refused="id_token.aud: aud is another"
    ),
    **{
        f"sign-in-{state}": pages.SignIn(
            **FORM,
            app=NOTES,
            state=state,
            username=MARA.email,
            retry_after=900,
            keep=True,
            ended_by="Firefox on Linux",
            ended_at=NOW,
        )
        for state in SignInState
        if state is not SignInState.FRESH
    },
    "choose-account": pages.ChooseAccount(**TOKEN, action="/login/account", person=MARA, app=NOTES),
    "choose-way": pages.ChooseWay(
        ways=WAYS, help_url="/login/help", app=GRADES, proved=(Proved(title="Password", detail=MARA.email),)
    ),
    "step": pages.StepNeeded(
        **TOKEN,
        action="/login/totp",
        app=GRADES,
        heading="Enter the code from your app",
        lead="Grades asks for a second proof.",
        title="Authenticator app",
        label="Six-digit code",
        proved=(Proved(title="Password", detail=MARA.email, not_you_url="/login"),),
    ),
    "step-wrong": pages.StepNeeded(
        **TOKEN,
        action="/login/totp",
        app=GRADES,
        heading="Enter the code from your app",
        title="Authenticator app",
        label="Six-digit code",
        hint="It changes every 30 seconds.",
        error="This code was already used. Wait for the next one in your app. 4 tries left.",
        trust_for=6 * 3600,
        proved=(Proved(title="Password", detail=MARA.email),),
        ways=WAYS,
    ),
    "step-closed": pages.StepNeeded(**STEP, digits=True, retry_after=600, help_url="/login/help"),
    "step-mail": pages.StepNeeded(**MAILED, sent=CodeSent(to=MASKED, url="/login/email/send")),
    "step-mail-sent": pages.StepNeeded(
        **MAILED,
        digits=True,
        ways=WAYS[:1],
        sent=CodeSent(to=MASKED, url="/login/email/send", ends_in=600, again_in=43),
    ),
    "step-mail-soon": pages.StepNeeded(
        **MAILED,
        digits=True,
        too_soon=43,
        sent=CodeSent(to=MASKED, url="/login/email/send", ends_in=583, again_in=43),
    ),
    "step-mail-ended": pages.StepNeeded(
        **MAILED,
        error="This code has ended. Have another one sent.",
        sent=CodeSent(to=MASKED, url="/login/email/send"),
    ),
    "step-locked": pages.StepNeeded(**STEP, digits=True, locked=True, ways=WAYS[:1], help_url="/login/help"),
    "step-recovery": pages.StepNeeded(
        **STEP
        | {
            "heading": "Enter a recovery code",
            "title": "Recovery code",
            "label": "Recovery code",
            "lead": "One of those that you kept when you set up two-step sign-in. It works once.",
        },
        error="This is not one of your recovery codes, or it was used already. Each one works once.",
        help_url="/login/help",
    ),
    "enrol": pages.EnrolNeeded(
        **TOKEN,
        action="/login/enrol",
        set_up=SET_UP,
        app=GRADES,
        proved=(Proved(title="Password", detail=MARA.email),),
        ways=(
            Way(
                title="Passkey",
                url="/login/enrol-passkey",
                hint="a key that you plug in",
            ),
        ),
    ),
    "enrol-passkey": EnrolPasskey(
        **TOKEN,
        action="/login/enrol-passkey",
        options=OPTIONS,
        app=GRADES,
        proved=(Proved(title="Password", detail=MARA.email),),
        ways=WAYS[:1],
    ),
    "enrol-passkey-refused": EnrolPasskey(
        **TOKEN,
        action="/login/enrol-passkey",
        options=OPTIONS,
        label="Phone",
        error="This passkey was not taken. Try once more.",
        ways=WAYS[:1],
    ),
    "terms": AskTerms(**ASKED, action="/login/terms", version="2027-01", terms=OUR_TEXT, privacy=OUR_TEXT),
    "terms-changed": AskTerms(
        **TOKEN, action="/login/terms", version="2027-02", privacy=OUR_TEXT, changed=True
    ),
    "our-text": OurText(text=OUR_TEXT, is_terms=True, version="2027-01"),
    "address": AskAddress(**ASKED, action="/login/address", can_skip=True),
    "address-pending": AskAddress(
        **ASKED,
        action="/login/address",
        pending="mara@elsewhere.example",
        typed="mara@elsewhere.example",
        code_error="This is not the code from the mail. Check its digits.",
    ),
    "address-soon": AskAddress(
        **TOKEN, action="/login/address", typed="mara@elsewhere.example", retry_after=40
    ),
    "enrol-closed": pages.EnrolNeeded(
        **TOKEN,
        action="/login/enrol",
        set_up=replace(SET_UP, digits=8),
        error="This took too long. Begin anew.",
        retry_after=600,
    ),
    "keep-codes": pages.KeepCodes(
        csrf_token="t", codes=CODES, to="/oauth/authorize/resume", fields=(("tx", "a1"),), app=GRADES
    ),
    "code-used": pages.CodeUsed(left=3, to="/account", app=GRADES),
    "code-used-last": pages.CodeUsed(left=0, to="/account"),
    "dev-mails": pages.DevMails(
        mails=(
            Kept(
                id="1",
                template="test",
                to=MARA.email,
                state="sent",
                attempts=1,
                created_at=NOW,
                next_at=None,
                done_at=NOW,
                last_error="",
                written=Written(
                    subject="Mail from Nordhafen University works",
                    text="This is the test that was asked for.\n\n-- \nNordhafen University sent this.\n",
                    html="",
                    locale="en",
                    link="https://id.nordhafen.example/account",
                ),
            ),
        )
    ),
    "dev-no-mails": pages.DevMails(mails=(), is_sent=True),
    "no-way": pages.NoWayWorks(back_url="/login", app=NOTES),
    "consent": pages.Consent(
        **TOKEN,
        action="/oauth/consent",
        app=NOTES,
        person=MARA,
        asks=ASKS,
        offline=True,
        policy_url="https://notes.nordhafen.example/privacy",
        tos_url="https://notes.nordhafen.example/terms",
        keeps={"scope": "openid email"},
    ),
    "consent-growing": pages.Consent(
        **TOKEN,
        action="/oauth/consent",
        app=GRADES._replace(logo_url="/static/favicon.svg"),
        person=MARA,
        asks=(*ASKS[:2], Asked(sentence="Read your grades", is_new=True)),
        growing=True,
    ),
    "form-post": pages.FormPost(
        action="https://notes.nordhafen.example/callback",
        fields=(("code", "c0de"), ("state", "a'b")),
        app=NOTES,
    ),
    "first-owner": pages.FirstOwner(csrf_token="t", action="/setup/x"),
    "first-owner-wrong": pages.FirstOwner(
        csrf_token="t",
        action="/setup/x",
        email="mara",
        name="Mara",
        errors={
            "email": "This is not an e-mail address.",
            "name": Problem.REQUIRED,
            "password": "A password has at least 15 characters.",
        },
    ),
    "first-owner-used": pages.FirstOwnerGone(has_owner=True),
    "first-owner-over": pages.FirstOwnerGone(has_owner=False),
    **{
        f"refused-{kind}": pages.Refused(
            kind=kind,
            reference=REFERENCE,
            app=NOTES if kind in {RefusedKind.APP_REQUEST, RefusedKind.UNREACHABLE} else None,
            sentence="The redirect_uri is not registered for this client."
            if kind is RefusedKind.APP_REQUEST
            else "",
            way_out=Link(title="To your account", url="/account"),
            retry_after=120,
        )
        for kind in RefusedKind
    },
    "refused-development": pages.Refused(
        kind=RefusedKind.APP_REQUEST,
        reference=REFERENCE,
        app=NOTES,
        sentence="The redirect_uri is not registered for this client.",
        reason=REASON,
    ),
    "not-allowed": pages.NotAllowed(
        app=NOTES,
        person=MARA,
        reference=REFERENCE,
        back_url="https://notes.nordhafen.example/",
        switch_url="/login",
    ),
    "expired": pages.ExpiredSignIn(app=NOTES, reference=REFERENCE),
    "not-found": pages.NotFound(reference=REFERENCE),
    "wrong-method": pages.WrongMethod(reference=REFERENCE),
    "server-error": pages.ServerError(reference=REFERENCE),
    "unavailable": pages.Unavailable(retry_after=5, reference=REFERENCE, retry_url="/login"),
    "sign-out": pages.SignOutConfirm(csrf_token="t", action="/oauth/logout", person=MARA, app=NOTES),
    "sign-out-away": pages.SignOutConfirm(csrf_token="t", action="/oauth/logout", person=pages.Person()),
    "signed-out": pages.SignedOut(),
    "signed-out-back": pages.SignedOut(
        back=Link(title="Field Notes", url="https://notes.nordhafen.example/")
    ),
    "profile": pages.Profile(**ACCOUNT, password_changed_at=NOW, app_count=2),
    "idle": pages.Profile(**ACCOUNT, password_changed_at=NOW, app_count=2),
    "profile-saved": pages.Profile(**ACCOUNT, done=Done.NAME_SAVED, email_verified=False),
    "profile-managed": pages.Profile(**ACCOUNT, managed_by="Nordhafen staff directory", has_password=False),
    "profile-wrong": pages.Profile(
        **ACCOUNT, typed_name="x", errors={"name": "Control characters are not allowed."}
    ),
    "password": pages.PasswordChange(**ACCOUNT, changed_at=NOW),
    "password-wrong": pages.PasswordChange(
        **ACCOUNT, errors={"new": "A password has at least 15 characters."}
    ),
    "password-limited": pages.PasswordChange(**ACCOUNT, retry_after=7200),
    "factors": pages.Factors(
        **ACCOUNT,
        authenticator=AppShown(set_up_at=NOW, last_used_at=NOW),
        codes=CodesLeft(left=9, made_at=NOW, last_used_at=NOW),
        password_changed_at=NOW,
    ),
    "factors-mail": pages.Factors(
        **ACCOUNT, mailed=pages.MailedCode(to=MARA.email, last_used_at=NOW), password_changed_at=NOW
    ),
    "factors-few": pages.Factors(
        **ACCOUNT,
        authenticator=AppShown(set_up_at=NOW),
        codes=CodesLeft(left=3, made_at=NOW, are_few=True),
        required=True,
        by_code=True,
        done=Done.FACTOR_REPLACED,
    ),
    "factors-no-codes": pages.Factors(
        **ACCOUNT, authenticator=AppShown(set_up_at=NOW), codes=CodesLeft(left=0, are_few=True)
    ),
    "factors-none": pages.Factors(**ACCOUNT, password_changed_at=NOW, done=Done.FACTOR_REMOVED),
    "factors-links": pages.Factors(
        **ACCOUNT,
        links=(
            LinkShown(
                identity=RESEARCHER, linked_at=NOW, last_used_at=NOW, remove_url="/account/links/remove"
            ),
            LinkShown(identity=STAFF, linked_at=NOW, is_active=False, is_last=True),
        ),
        linkable=PROVIDERS[:2],
        has_password=False,
        done=Done.LINKED,
    ),
    "factors-link-trouble": pages.Factors(
        **ACCOUNT,
        linkable=PROVIDERS[:2],
        trouble="taken",
        by="ORCID",
        reference="K7QF-4F2M",
        done=Done.UNLINKED,
    ),
    "link-remove": LinkRemove(
        **ACCOUNT, link=LinkShown(identity=RESEARCHER, linked_at=NOW), action="/account/links/remove?link=1"
    ),
    "factors-off": pages.Factors(**ACCOUNT, offered=False),
    "factors-passkeys": pages.Factors(
        **ACCOUNT,
        authenticator=AppShown(set_up_at=NOW, last_used_at=NOW),
        passkeys=(
            PasskeyShown(id="1", label="Phone", set_up_at=NOW, last_used_at=NOW, synced=True),
            PasskeyShown(id="2", label="Key on the ring", set_up_at=NOW, verifies=False),
        ),
        codes=CodesLeft(left=10, made_at=NOW),
        done=Done.PASSKEY_ADDED,
    ),
    "forgotten": pages.Forgotten(**HIDDEN, action="/login/forgotten"),
    "forgotten-empty": pages.Forgotten(**HIDDEN, action="/login/forgotten", error=Problem.REQUIRED),
    "new-password": pages.NewPassword(**HIDDEN, action="/recover/x", minimum=15),
    "new-password-short": pages.NewPassword(
        **HIDDEN, action="/recover/x", minimum=15, error="A password has at least 15 characters."
    ),
    "register": pages.Register(**TOKEN, action="/register", minimum=15),
    "register-wrong": pages.Register(
        **TOKEN,
        action="/register",
        minimum=15,
        email="mara@",
        name="Mara",
        errors={"email": "The part behind the @ is not a host name."},
    ),
    "register-soon": pages.Register(**TOKEN, action="/register", minimum=15, retry_after=60),
    "register-terms": pages.Register(
        **TOKEN,
        action="/register",
        minimum=15,
        terms="2027-01",
        errors={"accept": "Please read and accept this."},
    ),
    "take-up": TakeUp(**HIDDEN, action="/invitation/x", email=MARA.email, minimum=15, app="Grades"),
    "take-up-short": TakeUp(
        **HIDDEN,
        action="/invitation/x",
        email=MARA.email,
        minimum=15,
        terms="2027-01",
        accepted=True,
        errors={"password": "A password has at least 15 characters."},
    ),
    "told-registered-app": pages.Told(
        what=pages.ToldOf.REGISTERED, to="https://grades.example", app="Grades"
    ),
    "confirm-address": pages.ConfirmAddress(
        **TOKEN, action="/register/confirm", key="k", email="mara@nordhafen.example"
    ),
    "confirm-address-wrong": pages.ConfirmAddress(
        **TOKEN,
        action="/register/confirm",
        key="k",
        email="mara@nordhafen.example",
        error="This is not the code from the mail. Check its digits.",
    ),
    **{f"told-{what.value}": pages.Told(what=what, to="/login") for what in pages.ToldOf},
    "data": ExportData(**ACCOUNT),
    "delete": DeleteAccount(**ACCOUNT),
    "delete-unsure": DeleteAccount(**ACCOUNT, unsure=True),
    "delete-last-owner": DeleteAccount(**ACCOUNT, is_last_owner=True),
    "email": pages.AddressChange(**ACCOUNT),
    "email-pending": pages.AddressChange(
        **ACCOUNT,
        pending="mara@elsewhere.example",
        errors={"code": "This is not the code from the mail. Check its digits."},
    ),
    "email-soon": pages.AddressChange(
        **ACCOUNT, typed="x@example.org", errors={"email": "This is your address already."}, retry_after=60
    ),
    "email-off": pages.AddressChange(**ACCOUNT, can_send=False, done=Done.EMAIL_CHANGED),
    "passkey-new": pages.PasskeyNew(**ACCOUNT, options=OPTIONS),
    "passkey-new-refused": pages.PasskeyNew(
        **ACCOUNT, options=OPTIONS, label="Phone", error="This passkey is known already."
    ),
    "passkey-edit": pages.PasskeyEdit(
        **ACCOUNT, passkey=PasskeyShown(id="1", label="Phone", set_up_at=NOW), done=Done.PASSKEY_NAMED
    ),
    "passkey-edit-last": pages.PasskeyEdit(
        **ACCOUNT,
        passkey=PasskeyShown(id="1", label="Phone", set_up_at=NOW),
        last=True,
        needs_password=True,
        errors={"new": "A password has at least 15 characters."},
    ),
    "passkey-edit-stays": pages.PasskeyEdit(
        **ACCOUNT,
        passkey=PasskeyShown(id="1", label="Phone", set_up_at=NOW),
        last=True,
        stays=True,
        done=Done.PASSKEY_REMOVED,
    ),
    "passkey": pages.PasskeyNeeded(
        **TOKEN,
        action="/login/passkey",
        options=OPTIONS,
        app=GRADES,
        ways=(Way(title="Password", url="/login"),),
    ),
    "passkey-refused": pages.PasskeyNeeded(
        **TOKEN,
        trust_for=21_600,
        action="/login/passkey",
        options=OPTIONS,
        error="This passkey did not work here. Try once more, or use another way.",
        proved=(Proved(title="Password", detail="mara.lindqvist@nordhafen.example", not_you_url="/login"),),
        ways=(Way(title="Authenticator app", url="/login/totp"),),
        help_url="/login/help",
    ),
    "passkey-limited": pages.PasskeyNeeded(
        **TOKEN,
        action="/login/passkey",
        options=OPTIONS,
        retry_after=900,
        ways=(Way(title="Password", url="/login"),),
    ),
    "factor-set-up": pages.FactorSetUp(**ACCOUNT, set_up=SET_UP),
    "factor-set-up-wrong": pages.FactorSetUp(
        **ACCOUNT,
        set_up=SET_UP,
        replaces=True,
        error="This is not the code that the app shows. Check its digits, and that it is the entry for this account.",
    ),
    "factor-remove": pages.FactorRemove(**ACCOUNT),
    "factor-remove-short": pages.FactorRemove(
        **ACCOUNT, needs_password=True, errors={"new": "A password has at least 15 characters."}
    ),
    "codes-new": pages.NewCodes(**ACCOUNT, left=3),
    "codes-new-none": pages.NewCodes(**ACCOUNT),
    "codes": pages.CodesShown(**ACCOUNT, codes=CODES),
    "codes-first": pages.CodesShown(**ACCOUNT, codes=CODES, first=True),
    "apps": pages.ConnectedApps(
        **ACCOUNT,
        apps=(
            CONNECTED,
            replace(CONNECTED, app=GRADES, last_used_at=None, offline=False, gets=CONNECTED.gets[:1]),
        ),
    ),
    "apps-none": pages.ConnectedApps(**ACCOUNT, done=Done.APP_WITHDRAWN, done_about="Field Notes"),
    "withdraw": pages.WithdrawApp(**ACCOUNT, connected=CONNECTED, action="/account/apps/c1"),
    "devices": pages.Devices(
        **ACCOUNT,
        this=DEVICES[0],
        others=DEVICES[1:],
        trusted=(
            Trusted(id="t1", name="Firefox on Fedora", until=NOW, is_this=True),
            Trusted(id="t2", name="Safari on iPhone", until=NOW),
        ),
    ),
    "devices-trust-ended": pages.Devices(**ACCOUNT, this=DEVICES[0], done=Done.TRUST_ENDED),
    "devices-one": pages.Devices(**ACCOUNT, this=DEVICES[0], done=Done.OTHERS_ENDED),
    "devices-two": pages.Devices(**ACCOUNT, this=DEVICES[0], others=DEVICES[1:2], done=Done.DEVICE_ENDED),
    "end-device": EndDevice(**ACCOUNT, device=DEVICES[2], others=2),
    "end-devices": EndDevice(**ACCOUNT, others=2),
    "activity": Activity(
        **ACCOUNT, entries=HAPPENED, last=HAPPENED[0], older_url="/account/activity?before=x"
    ),
    "activity-none": Activity(**ACCOUNT, entries=()),
    "not-me": NotMe(**ACCOUNT, others=2),
    "not-me-alone": NotMe(**ACCOUNT),
    "takeover": TakeOver(**TAKEOVER, devices=DEVICES, most=3),
    "takeover-more": TakeOver(**TAKEOVER, devices=DEVICES, most=2),
    "takeover-room": TakeOver(**TAKEOVER, devices=(), most=0),
    "reauthenticate-providers": pages.Reauthenticate(
        **TOKEN,
        action="/login",
        person=MARA,
        has_password=False,
        providers=PROVIDERS[:1],
        trouble="stale",
        by="ORCID",
    ),
    "reauthenticate": pages.Reauthenticate(**TOKEN, action="/account/fresh", person=MARA),
    "reauthenticate-wrong": pages.Reauthenticate(
        **TOKEN, action="/account/fresh", person=MARA, state=SignInState.WRONG, ways=WAYS[:1]
    ),
    "reauthenticate-limited": pages.Reauthenticate(
        **TOKEN, action="/account/fresh", person=MARA, state=SignInState.LIMITED, retry_after=60
    ),
}
HOSTILE = """<script>alert(1)</script>"'><b>"""


def hostile(value: Any) -> Any:
    """The same page with something to break out in every string that it shows."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, tuple):
        return getattr(value, "_make", tuple)(map(hostile, value))
    if isinstance(value, dict):
        return dict.fromkeys(value, HOSTILE)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: hostile(getattr(value, field.name)) for field in fields(value)})
    return value


def make_app(branding: Branding = PLAIN, override: Path | None = None) -> Flask:
    """An app that shows the gallery: /NAME?ui_locales=de&status=200, and an index at /."""
    app = Pages("authserver.web", issuer_url="http://localhost")
    app.extensions[here.EXTENSION] = None  # the pages ask for no more than what they are given

    def staying() -> pages.Staying | None:
        return pages.Staying(idle=45, csrf_token="t") if request.path == "/idle" else None

    pages.install(app, branding=lambda: branding, override=override, staying=staying)
    language.install(app, offered=lambda: LANGUAGES, cookie=lambda: request.cookies.get("lang"))

    @app.get("/")
    def index() -> str:
        return "".join(Markup('<p><a href="/{}">{}</a>').format(name, name) for name in PAGES)

    @app.get("/<name>")
    def show(name: str) -> Response:
        return pages.render(PAGES[name], status=request.args.get("status", type=int))

    @app.get("/api/session")
    def session() -> dict[str, int]:
        return {"idle_in": 45, "ends_in": 3600}

    @app.get("/static/<path:name>")
    def static(name: str) -> Response:
        return send_from_directory(pages.WEB / "static", name)

    @app.get("/static/accent.css")
    def accent() -> Response:
        return Response(pages.accent_css(branding), mimetype="text/css")

    @app.after_request
    def strict(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        return response

    return app


LOOKS: dict[str, tuple[dict[str, Any], str]] = {
    "wide": ({"viewport": {"width": 1000, "height": 700}}, "en"),
    "phone": ({"viewport": {"width": 320, "height": 640}}, "de"),
    "dark": ({"viewport": {"width": 1000, "height": 700}, "color_scheme": "dark"}, "de"),
    "mirrored": ({"viewport": {"width": 1000, "height": 700}}, language.PSEUDO),
    "forced": ({"viewport": {"width": 1000, "height": 700}, "forced_colors": "active"}, "en"),
    "zoomed": ({"viewport": {"width": 500, "height": 350}, "device_scale_factor": 2}, "de"),
    "no-script": ({"viewport": {"width": 1000, "height": 700}, "java_script_enabled": False}, "en"),
}


def keep_still(page: BrowserPage) -> None:
    """Let pages stay that go on by themselves: they would be gone before they are seen."""
    page.route("https://orcid.org/**", lambda route: route.fulfill(status=204))
    page.route("**/form_post.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))


def shoot(base: str, folder: Path, names: Iterator[str] | list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(names)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for look, (options, tag) in LOOKS.items():
            context = browser.new_context(reduced_motion="reduce", **options)
            page = context.new_page()
            keep_still(page)
            for name in wanted:
                page.goto(f"{base}/{name}?ui_locales={tag}")
                page.screenshot(path=folder / f"{name}.{look}.png", full_page=True)
            context.close()
        browser.close()


class Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: the pages are what is looked at."""


def main(arguments: list[str]) -> None:
    server = make_server("127.0.0.1", 0, make_app(), request_handler=Quiet)
    base = f"http://127.0.0.1:{server.server_port}"
    if not arguments:
        print(base)
        server.serve_forever()
    Thread(target=server.serve_forever, daemon=True).start()
    shoot(base, Path(arguments[0]), arguments[1:] or list(PAGES))
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
