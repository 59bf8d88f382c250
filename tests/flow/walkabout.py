"""A browser, two people with phones, lists and mails, two nodes, apps that demand more; and what was truly shown.

What the walks of test_login_walk.py and test_login_walk_factors.py hold, holds here; every token says what its
sign-in was for as long as it is refreshed.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from authserver.app import App
from authserver.audit import SYSTEM
from authserver.authentication import Proof, from_json
from authserver.groups import edit as groups
from authserver.login import enrolment
from authserver.users import exempt as exemptions
from authserver.users import find
from authserver.users.exempt import ExemptionForm
from tests.agent import Visit
from tests.flow.apps import Authenticator
from tests.flow.login import rows
from tests.flow.mailed import last_code, send
from tests.flow.second_factor import FakeCode
from tests.flow.test_login_walk import NUMBERS, PEOPLE
from tests.flow.test_login_walk_factors import RealWalk
from tests.flow.world import PASSWORD, World
from tests.oidc import OAuthError, RelyingParty, Tokens, claims_of

# The table at the head of docs/requirements.md: what stands in a token after a password and these.
SAYS = {
    (): (["pwd"], "pwd"),
    ("totp",): (["pwd", "otp", "mfa"], "mfa"),
    ("recovery",): (["pwd", "recovery", "mfa"], "mfa-low"),
    ("email",): (["pwd", "email", "mfa"], "mfa-low"),
    ("email", "recovery"): (["pwd", "email", "recovery", "mfa"], "mfa-low"),
    ("recovery", "totp"): (["pwd", "recovery", "otp", "mfa"], "mfa"),
    ("email", "totp"): (["pwd", "email", "otp", "mfa"], "mfa"),
    ("email", "recovery", "totp"): (["pwd", "email", "recovery", "otp", "mfa"], "mfa"),
}
LEVELS = {"pwd": 1, "mfa-low": 2, "mfa": 3, "phr": 4}
APPS = ("web", "strict", "vault", "short", "demanding")
RULES = (None, "optional", "required")
ASKS: dict[str, dict[str, str]] = {
    "plain": {},
    "login": {"prompt": "login"},
    "step-up": {"acr_values": "mfa"},
    "essential": {"claims": '{"id_token":{"acr":{"essential":true,"value":"mfa-low"}}}'},
    "aged": {"max_age": "120"},
    "choose": {"prompt": "select_account"},
    "silent": {"prompt": "none"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """A request of an app: what it demanded, and when."""

    app: str
    how: str
    at: datetime


@dataclass
class Walkabout(RealWalk):
    """The same browser and people; now with several apps, two nodes, and what the house demands of whom."""

    nodes: tuple[App, ...] = ()
    apps_here: dict[str, RelyingParty] = field(default_factory=dict)
    began: dict[str, Began] = field(default_factory=dict)
    held: list[tuple[str, Tokens]] = field(default_factory=list)
    skips: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    vault: str = ""
    vault_demands: bool = True
    reached: set[str] = field(default_factory=set)
    scanned: dict[str, list[Authenticator]] = field(default_factory=dict)
    mailing: list[datetime] = field(default_factory=list)
    right: dict[tuple[str, str, datetime], set[str]] = field(default_factory=dict)
    spent: dict[tuple[str, str], datetime] = field(default_factory=dict)
    worth: dict[str, int] = field(default_factory=dict)
    over: dict[tuple[str, datetime], datetime] = field(default_factory=dict)

    def node(self, number: int) -> None:
        """The next request reaches another node; what an admin changed is seen there half a second later."""
        self.world.app = self.nodes[number]
        self.world.issuer.revisions.forget()

    def ask(self, app: str, how: str) -> None:
        """An app sends the browser, in a new tab."""
        party = self.apps_here[app]
        request = party.begin(**ASKS[how])
        self.requests.append(request)
        self.began[request.state] = Began(app=app, how=how, at=self.world.clock())
        self.tabs.append(self.browser.open(request.url, party.redirect_uri))
        self.arrived(len(self.tabs) - 1)

    def trust(self, tab: int) -> None:
        """The code of the app, with the box ticked."""
        form = self.form_in(tab, "trust")
        if form is None:
            return
        place = self.place(tab)
        who, now = self.whose(place), self.world.clock()
        before = self.browser.jar.get("as_session")
        app = self.apps.get(who)
        if app is None:
            return
        code = app.code()
        self.note("totp", code)
        self.tabs[place] = self.browser.submit(form, {"code": code, "trust": "yes"})
        if self.browser.jar.get("as_session") != before:
            self.skips.append((self.people[who].id, now, now + timedelta(hours=6)))
        self.onwards(place)
        self.arrived(place)

    def note(self, factor: str, code: str) -> None:
        """What this code shows, by what the model knows of phones, lists and mails; a wrong one shows nothing."""
        # It takes a moment to type, so that no two codes are typed at the same one.
        self.world.clock.advance(seconds=1)
        now = self.world.clock()
        for name, person in self.people.items():
            self.typed.setdefault((person.id, now), set()).add(code)
            if self.proves(name, factor, code):
                self.shown.add((person.id, factor, now))
                self.right.setdefault((person.id, factor, now), set()).add(code)

    def proves(self, who: str, factor: str, code: str) -> bool:
        if factor == "totp":
            return any(code == app.code(step) for app in self.scanned.get(who, ()) for step in (-1, 0, 1))
        if factor == "recovery":
            return code in self.codes.get(who, ())
        return bool(self.world.mails(self.people[who].email)) and code == last_code(
            self.world, self.people[who]
        )

    def answer(self, place: int, factor: str, code: str) -> None:
        """What is typed into the field for a code."""
        forms = [form for form in self.tabs[place].page.forms if form.method == "POST"]
        form = next((f for f in forms if any(i.name == "code" and i.kind == "text" for i in f.inputs)), None)
        if form is None:
            return
        self.note(factor, code)
        self.tabs[place] = self.browser.submit(form, {"code": code})
        self.onwards(place)
        self.arrived(place)

    def mailed(self, tab: int, right: bool) -> None:
        """A code is sent and typed, where that is a way to go."""
        if tab >= len(self.tabs) or self.tabs[self.place(tab)].left_for:
            return
        place = self.place(tab)
        ways = [link.to for link in self.tabs[place].page.links if "/login/email" in link.to]
        if ways:
            self.tabs[place] = self.browser.open(ways[0])
        who, page = self.people[self.whose(place)], self.tabs[place].page
        if any(form.action.endswith("/login/email/send") for form in page.forms):
            self.browser.at = self.tabs[place]
            self.tabs[place] = send(self.browser)
            written = bool(self.world.mails(who.email))
            self.answer(place, "email", last_code(self.world, who) if right and written else "000000")

    def mail_codes(self, on: bool) -> None:
        """The house mails codes, or stops it."""
        if on is not bool(len(self.mailing) % 2):
            self.mailing.append(self.world.clock())
            self.world.set(email_code=on)

    def learn(self, visit: Visit) -> None:
        before = dict(self.apps)
        super().learn(visit)
        for who, app in self.apps.items():
            if before.get(who) is not app:
                self.scanned.setdefault(who, []).append(app)

    def enrol(self, who: str) -> None:
        super().enrol(who)
        self.scanned.setdefault(who, []).append(self.apps[who])

    def other_code(self, tab: int, steps: int) -> None:
        """What the app showed so many steps ago, or will show."""
        if self.form_in(tab, "code") is None:
            return
        app = self.apps.get(self.whose(self.place(tab)))
        if app is not None:
            self.answer(self.place(tab), "totp", app.code(steps))

    def rule_of(self, where: str, value: str | None) -> None:
        """The house, or a group that ada is in, demands a second factor or not."""
        if where == "everybody":
            self.rule(value or "optional")
            return
        with self.world.writing() as db:
            groups.edit(db, self.world.issuer, self.group, {"second_factor": value}, by=SYSTEM)

    @property
    def group(self) -> str:
        return f"group-{self.vault}"

    def exempt(self, who: str, on: bool) -> None:
        person = self.people[who]
        with self.world.writing() as db:
            if on:
                form = ExemptionForm(reason="a walk", days=1)
                enrolment.exempt(db, self.world.issuer, find.load(db, person.id), form, by=SYSTEM)
            else:
                exemptions.end(db, self.world.issuer, person.id, by=SYSTEM)
        if on:
            # Of those who have none, nothing is demanded from now on.
            self.skips.append((person.id, self.world.clock(), self.world.clock() + timedelta(days=1)))

    def demand(self, on: bool) -> None:
        """The scope of the vault needs two factors, or not."""
        self.vault_demands = on
        scopes = [{"name": f"{self.vault}-open", **({"required_acr": "mfa"} if on else {})}]
        self.world.edit_api(f"https://{self.vault}.example", scopes=scopes)

    def refresh(self, index: int) -> None:
        """An app comes back for tokens, also long after; it gets what it had, or is told what would do."""
        if not self.held:
            return
        index %= len(self.held)
        app, tokens = self.held[index]
        party = self.apps_here[app]
        demanded = app == "strict" or (app == "vault" and self.vault_demands)
        try:
            again = party.refresh(tokens)
        except OAuthError as refused:
            if refused.error != "invalid_grant":
                raise
            self.held.pop(index)
            return
        assert not demanded or tokens.claims["acr"] == "mfa"
        for name in ("amr", "acr", "auth_time", "sid"):
            assert claims_of(again.access_token)[name] == tokens.claims[name]
        self.held[index] = (app, again)
        self.reached.add("refreshed")

    def arrived(self, tab: int) -> None:
        """A code came back: its tokens say what was shown, and no less than what was demanded."""
        visit = self.tabs[tab]
        assert visit.status < 500, visit.page.words
        if visit.left_for is None or "code=" not in visit.left_for:
            return
        state = visit.left_for.partition("state=")[2].partition("&")[0]
        request = next(each for each in self.requests if each.state == state)
        began = self.began[state]
        party = self.apps_here[began.app]
        tokens = party.redeem(request, party.returned(request, visit.left_for)["code"])
        self.tabs[tab] = self.browser.open("/account/nowhere")
        claims = tokens.claims
        person = next(each.id for each in self.people.values() if each.subject == claims["sub"])
        self.check_claims(began, claims, person)
        self.check_demand(began, claims)
        self.held.append((began.app, tokens))
        self.reached |= {began.how, began.app, claims["acr"]}

    def check_claims(self, began: Began, claims: dict[str, Any], person: str) -> None:
        """Exactly what the table says of the proofs behind it, which `look` compares with what was truly shown."""
        ((text,),) = rows(
            self.world, "SELECT authentication FROM sso_sessions WHERE id = :id", id=claims["sid"]
        )
        proofs = from_json(text).proofs
        seconds = {proof.factor for proof in proofs} - {"password"}
        words, acr = SAYS[tuple(sorted(seconds))]
        words = [word for word in words if word in {"pwd", "mfa"}] if began.app == "short" else words
        assert (sorted(claims["amr"]), claims["acr"]) == (sorted(words), acr)
        assert claims["auth_time"] == int(self.signed_in_at(claims["sid"], proofs).timestamp())
        assert {(person, proof.factor, proof.at) for proof in proofs} <= self.shown

    def signed_in_at(self, session: str, proofs: tuple[Proof, ...]) -> datetime:
        """When the sign-in that began with this password was over: a factor added later does not make it newer."""
        (password,) = [proof for proof in proofs if proof.factor == "password"]
        return self.over.setdefault((session, password.at), self.world.clock())

    def check_demand(self, began: Began, claims: dict[str, Any]) -> None:
        demanded = {"step-up": "mfa", "essential": "mfa-low"}.get(began.how, "pwd")
        if began.app == "strict" or (began.app == "vault" and self.vault_demands):
            demanded = "mfa"
        assert LEVELS[claims["acr"]] >= LEVELS[demanded]
        if began.how == "login":
            assert claims["auth_time"] >= int(began.at.timestamp())
        if began.how == "aged":
            assert claims["auth_time"] >= int(began.at.timestamp()) - 120

    def may_skip(self, user: str, at: datetime) -> bool:
        """On a device that its owner trusts, and where somebody was exempt: never for longer."""
        return any(of == user and since <= at < until for of, since, until in self.skips)

    def look(self) -> None:
        super().look()
        mine = {person.id for person in self.people.values()}
        time = self.world.issuer.database.read_time
        for text, at in rows(self.world, "SELECT authentication, created_at FROM sso_sessions"):
            found = from_json(text)
            if found.user not in mine:
                continue
            # A session never gets weaker.
            assert self.worth.get(found.session, 0) <= found.level
            self.worth[found.session] = int(found.level)
            assert found.at == self.signed_in_at(found.session, found.proofs)
            if self.mails_at(time(at)):
                assert "mfa" in found.amr or self.may_skip(found.user, time(at))
            for proof in found.proofs:
                self.spend(found.user, proof)

    def spend(self, user: str, proof: Proof) -> None:
        """No code stands behind two proofs."""
        right = self.right.get((user, proof.factor, proof.at), set())
        if len(right) == 1:
            assert self.spent.setdefault((user, *right), proof.at) == proof.at

    def mails_at(self, at: datetime) -> bool:
        """Whether everybody had a second factor then, whose address is known."""
        return sum(change < at for change in self.mailing) % 2 == 1


def walk_in(world: World, nodes: tuple[App, ...]) -> Walkabout:
    number = next(NUMBERS)
    people = {name: world.add_user(f"{name}{number}n@example.org", PASSWORD) for name in PEOPLE}
    vault = f"vault{number}"
    world.add_group(f"group-{vault}", people["ada"])
    world.add_api(
        f"https://{vault}.example",
        scopes=[{"name": f"{vault}-open", "required_acr": "mfa"}],
        is_default=False,
    )
    given: dict[str, dict[str, Any]] = {
        "web": {},
        "strict": {"required_acr": "mfa"},
        "vault": {"scope": f"openid {vault}-open", "resources": [f"https://{vault}.example"]},
        "short": {"amr": "short"},
        "demanding": {"second_factor": "required"},
    }
    here = {
        name: world.add_client(f"{name}{number}n", first_party=True, **{"scope": "openid", **given[name]})
        for name in APPS
    }
    world.set(second_factor="optional", email_code=False)
    return Walkabout(
        world=world, web=here["web"], factor=FakeCode(), people=people, browser=world.browser(), nodes=nodes,
        apps_here=here, vault=vault,
    )  # fmt: skip
