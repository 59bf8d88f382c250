"""amr and acr in tokens: each way to sign in, through code, refresh and restart."""

from datetime import timedelta

import pytest

from authserver.app import create_app
from tests import wire
from tests.flow.world import Resident, World, origin_of
from tests.oidc import RelyingParty, Tokens, claims_of
from tests.sign_ins import TABLE, SignIn

DAYS = 29


def tokens_by(world: World, web: RelyingParty, ada: Resident, row: SignIn) -> Tokens:
    """The tokens of an app after this sign-in, whose proofs were made a minute apart."""
    start = world.clock()
    proofs = [proof._replace(at=start + timedelta(minutes=n)) for n, proof in enumerate(row.proofs)]
    world.clock.advance(minutes=len(proofs) - 1)
    browser = world.signed_in(ada, proofs=proofs)
    world.clock.advance(minutes=1)
    request = web.begin()
    visit = browser.open(request.url, web.redirect_uri)
    return web.redeem(request, web.returned(request, visit.left_for or "")["code"])


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_each_sign_in_is_claimed_for_all_its_days(world: World, row: SignIn) -> None:
    """ID-4, ID-5, RT-8: in both tokens, at exchange, at each day's refresh, and by a server that was started anew."""
    ada = world.add_user()
    scope = "openid offline_access"
    parties = {
        "all": world.add_client("long", first_party=True, scope=scope),
        "short": world.add_client("short", first_party=True, scope=scope, amr="short"),
    }
    for how, web in parties.items():
        signed_in = int(world.clock.now()) + 60 * range(len(row.proofs))[row.at]
        tokens = tokens_by(world, web, ada, row)
        expected = row.words if how == "all" else row.short_words
        for day in range(DAYS):
            for claims in (tokens.claims, claims_of(tokens.access_token)):
                assert (claims["amr"], claims["acr"]) == (expected, row.acr), day
                assert claims["auth_time"] == signed_in
            world.clock.advance(days=1)
            if day == DAYS // 2:
                restart(world)
            tokens = web.refresh(tokens)


def restart(world: World) -> None:
    """The same installation, served by a process that remembers nothing."""
    before = world.app
    world.app = create_app(before.issuer.config, clock=world.clock)
    wire.INSIDE[origin_of(world.url)] = world.send
    before.close()


def test_a_client_takes_the_short_form_and_gives_it_up_at_once(world: World) -> None:
    """ID-4: a setting of the client, read for each token; introspection says what the token says."""
    ada = world.add_user()
    web = world.add_client("web", first_party=True)
    row = TABLE["password-totp"]
    tokens = tokens_by(world, web, ada, row)
    assert tokens.claims["amr"] == ["pwd", "otp", "mfa"]
    world.edit_client("web", amr="short")
    shorter = web.tokens(
        web.token({"grant_type": "refresh_token", "refresh_token": str(tokens.refresh_token)})
    )
    assert shorter.claims["amr"] == claims_of(shorter.access_token)["amr"] == ["pwd", "mfa"]
    told = web.call("introspection_endpoint", {"token": shorter.access_token}).json()
    assert (told["amr"], told["acr"]) == (["pwd", "mfa"], "mfa")
