"""Of whom a second factor is demanded: everybody, a group, an app; and who is exempt. AD-9."""

from dataclasses import dataclass
from itertools import product

import pytest

from authserver.audit import SYSTEM
from authserver.errors import Refusal
from authserver.login import enrolment
from authserver.users import edit, find
from authserver.users import exempt as exemptions
from authserver.users.exempt import ExemptionForm
from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, answer, app_of, enter_with
from tests.flow.login import count, enter, fill
from tests.flow.world import Resident, World
from tests.oidc import RelyingParty

ENROL, PASSED, CODE = "Set up a second step", "signed in", "Enter the code from your app"
STRICT = {"off": 0, "optional": 1, "required": 2}
SHORT = "eight!!!"


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@dataclass(frozen=True, slots=True)
class House:
    """Which rule stands where."""

    everybody: str = "optional"
    group: str | None = None
    client: str | None = None

    @property
    def strictest(self) -> str:
        rules = (self.everybody, self.group or "off", self.client or "off")
        return max(rules, key=STRICT.__getitem__)

    def built(self, world: World, ada: Resident) -> RelyingParty:
        world.set(second_factor=self.everybody)
        world.add_group("staff", ada, second_factor=self.group)
        world.add_group("others", second_factor="required")
        return world.add_client("web", first_party=True, second_factor=self.client)


HOUSES = [
    House(everybody, group, client)
    for everybody, group, client in product(
        STRICT, (None, "optional", "required"), (None, "optional", "required")
    )
]


def meets(there: Visit) -> str:
    return PASSED if there.left_for or there.url.endswith("/account") else there.page.heading


def sign_in(world: World, web: RelyingParty, ada: Resident) -> tuple[Browser, Visit]:
    browser = world.browser()
    browser.open(web.begin().url, web.redirect_uri)
    return browser, fill(browser, ada.email, ada.password)


def exempt(world: World, person: Resident, days: int | None = None) -> None:
    with world.writing() as db:
        form = ExemptionForm(reason="lost it on a journey", days=days)
        enrolment.exempt(db, world.issuer, find.load(db, person.id), form, by=SYSTEM)


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: f"{house.everybody}-{house.group}-{house.client}")
def test_the_strictest_rule_holds(world: World, ada: Resident, house: House) -> None:
    """AD-9: of everybody, of a group of theirs, of the app; with a factor and without, exempt and not."""
    web = house.built(world, ada)
    demanded, asked = house.strictest == "required", house.strictest != "off"
    assert meets(sign_in(world, web, ada)[1]) == (ENROL if demanded else PASSED)
    exempt(world, ada)
    assert meets(sign_in(world, web, ada)[1]) == PASSED
    app_of(world, ada)
    assert meets(sign_in(world, web, ada)[1]) == (CODE if asked else PASSED)
    with world.writing() as db:
        assert exemptions.end(db, world.issuer, ada.id, by=SYSTEM)
    assert meets(sign_in(world, web, ada)[1]) == (CODE if asked else PASSED)


def test_people_of_other_groups_are_not_asked(world: World, ada: Resident) -> None:
    """AD-9: and whoever joins is, at their next app."""
    web = House(group="required").built(world, world.add_user("bob@example.org"))
    browser, there = sign_in(world, web, ada)
    assert meets(there) == PASSED
    with world.writing() as db:
        edit.edit(db, world.issuer, ada.id, {"groups": ["others"]}, by=SYSTEM)
    assert meets(browser.open(web.begin().url, web.redirect_uri)) == ENROL


@pytest.mark.parametrize("everybody", ["off", "optional"])
def test_an_app_that_demands_it_has_it_set_up_on_the_way(world: World, ada: Resident, everybody: str) -> None:
    """AD-9, TOTP-8: the sign-in for another app does not do; the person sets one up, and both tokens say what was."""
    web = House(everybody=everybody, client="required").built(world, ada)
    lax = world.add_client("lax", first_party=True)
    browser = world.signed_in(ada)
    assert meets(browser.open(lax.begin().url, lax.redirect_uri)) == PASSED
    silent = browser.open(web.begin(prompt="none").url, web.redirect_uri)
    assert "error=interaction_required" in (silent.left_for or "")
    request = web.begin()
    there = browser.open(request.url, web.redirect_uri)
    assert meets(there) == ENROL
    app = Authenticator.scanned(world, there)
    there = answer(browser, app.code())
    there = browser.submit(there.page.form("Continue"))
    claims = web.redeem(request, web.returned(request, there.left_for or "")["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "mfa")


ESCAPES = (
    "/account", "/account/factors", "/account/fresh", "/login", "/login/totp", "/login/recovery", "/login/choose",
    "/login/account",
    "/login/again", "/login/help", "/oauth/authorize/resume", "/oauth/consent",
)  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("posted", [False, True], ids=["opened", "posted"])
def test_no_address_leaves_the_setting_up(world: World, ada: Resident, path: str, posted: bool) -> None:
    """AD-9, TOTP-8, SU-2: no session, code, token or cookie of value before its end."""
    web = House(group="required").built(world, ada)
    browser, there = sign_in(world, web, ada)
    form = there.page.form("Confirm the app")
    tx, token = (next(i.value for i in form.inputs if i.name == name) for name in ("tx", "csrf_token"))
    if posted:
        body = {"tx": tx, "csrf_token": token, "code": "000000", "choice": "continue"}
        browser.post_from(path, body, there.url)
    else:
        browser.open(f"{path}?tx={tx}", initiator=there.url)
        browser.open(path, initiator=there.url)
    assert (
        count(world, "sso_sessions")
        == count(world, "grants")
        == count(world, "tickets", "kind = 'code'")
        == 0
    )
    kept = {cookie.name.removeprefix("__Host-") for cookie in browser.jar.cookies.values()}
    assert not {"as_session", "as_device", "as_trusted"} & kept


class TestExemption:
    def test_it_ends_by_itself(self, world: World, ada: Resident) -> None:
        """AD-9: after its days the rules hold again, for a session of before as well."""
        web = House(everybody="required").built(world, ada)
        exempt(world, ada, days=2)
        world.clock.advance(days=2, seconds=-1)
        browser, there = sign_in(world, web, ada)
        assert meets(there) == PASSED
        world.clock.advance(seconds=1)
        assert meets(browser.open(web.begin().url, web.redirect_uri)) == ENROL
        assert meets(sign_in(world, web, ada)[1]) == ENROL

    def test_it_is_audited_with_its_reason(self, world: World, ada: Resident) -> None:
        """AD-9, AU-1."""
        exempt(world, ada, days=2)
        with world.writing() as db:
            exemptions.end(db, world.issuer, ada.id, by=SYSTEM)
            assert not exemptions.end(db, world.issuer, ada.id, by=SYSTEM)
        found = [e.data for e in world.events("changed") if e.subject == ada.id and "exempt" in e.data["act"]]
        assert [each["act"] for each in found] == ["exempted", "exemption_ended"]
        assert found[0]["fields"] == {"reason": "lost it on a journey", "days": 2}

    def test_admins_are_exempt_for_a_time_by_a_setting(self, world: World) -> None:
        """AD-9: for those with a role alone, and not beyond the date."""
        boss, ada = world.add_user("boss@example.org", role="owner"), world.add_user()
        web = House(everybody="required").built(world, ada)
        assert meets(sign_in(world, web, boss)[1]) == ENROL
        world.set(admins_exempt_until=world.clock().date().isoformat() + "T13:00:00Z")
        assert meets(sign_in(world, web, boss)[1]) == PASSED
        assert meets(sign_in(world, web, ada)[1]) == ENROL
        world.clock.advance(hours=1)
        assert meets(sign_in(world, web, boss)[1]) == ENROL

    def test_what_demands_an_acr_demands_it_of_the_exempt_too(self, world: World, ada: Resident) -> None:
        """SU-3, SU-6: an exemption is from having a second factor, not from an app's own demand."""
        world.set(second_factor="required")
        exempt(world, ada)
        strict = world.add_client("strict", first_party=True, required_acr="mfa")
        _, there = sign_in(world, strict, ada)
        assert "error=unmet_authentication_requirements" in (there.left_for or "")

    def test_a_short_password_must_be_changed_first(self, world: World, ada: Resident) -> None:
        """PW-1: it would stand alone."""
        world.set(second_factor="required")
        bob = world.add_user("bob@example.org", SHORT)
        with world.writing() as db:
            held = find.password(db, bob.id)
            assert held
            edit.set_password(db, world.issuer, bob.id, held.hash, by=SYSTEM, stands="beside")
        with pytest.raises(Refusal, match="too short to stand alone"):
            exempt(world, bob)


class TestAGroupsRule:
    def test_keeps_the_last_second_factor(self, world: World, ada: Resident) -> None:
        """TOTP-8: for its people; others may give it up."""
        bob = world.add_user("bob@example.org")
        world.add_group("staff", ada, second_factor="required")
        for person, status in ((ada, 409), (bob, 200)):
            browser = enter_with(world, person, app_of(world, person))
            page = browser.open("/account/factors").page
            assert ("required here" in page.words) == (person is ada)
            token = page.forms[0].inputs[0].value
            body, here = {"csrf_token": token}, f"{world.url}/account/factors"
            assert browser.post_from("/account/factors/totp/remove", body, here).status == status

    def test_lets_their_passwords_be_short(self, world: World, ada: Resident) -> None:
        """PW-1: eight characters, since a second factor stands beside it."""
        browser = enter(world, ada)
        visit = browser.open("/account/password")
        assert browser.submit(visit.page.form("Change the password"), {"new": SHORT}).status == 422
        world.add_group("staff", ada, second_factor="required")
        visit = browser.open("/account/password")
        visit = browser.submit(visit.page.form("Change the password"), {"new": SHORT})
        assert "is changed" in visit.page.words

    def test_is_live(self, world: World, ada: Resident) -> None:
        """AD-5: switched on and off without a restart."""
        web = House().built(world, ada)
        for rule, found in (("required", ENROL), (None, PASSED), ("optional", PASSED), ("required", ENROL)):
            world.edit_group("staff", second_factor=rule)
            assert meets(sign_in(world, web, ada)[1]) == found
