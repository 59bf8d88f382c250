"""grant_type=refresh_token, clause by clause."""

import sqlite3
import threading
from contextlib import closing

import pytest

from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.groups import edit as groups
from authserver.once.tickets import CONSUME
from authserver.store import Hot
from authserver.store.grants import LOAD, REVOKE_TOKEN, ROTATE, TOKEN_REVOKED
from authserver.store.users import BY_ID
from authserver.tokens import refresh
from tests.flow.test_code import code_for, end, tokens_of
from tests.flow.world import World
from tests.oidc import OAuthError, claims_of


def test_each_refresh_token_is_used_once_and_reuse_ends_its_family_only(world: World) -> None:
    """RT-1, RT-2: reuse beyond the grace kills family and access tokens, audited; another family lives."""
    ada, web = world.add_user(), world.add_client()
    first, other = tokens_of(world, web, ada), tokens_of(world, web, ada)
    second = web.refresh(first)
    third = web.refresh(second)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(first)
    assert len(world.events("refresh_reused")) == 1
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(third)
    assert web.introspect(third.access_token) == {"active": False}
    assert web.refresh(other).refresh_token


def test_a_retry_within_the_grace_gets_the_same_successor(world: World) -> None:
    """RT-3: audited as a retry; neither generation nor time moves; after 10 s it is a reuse."""
    ada, web = world.add_user(), world.add_client()
    first = tokens_of(world, web, ada)
    second = web.refresh(first)
    world.clock.advance(seconds=10)
    assert web.refresh(first).refresh_token == second.refresh_token
    assert len(world.events("refresh_retried")) == 1
    world.clock.advance(seconds=1)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(first)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(second)


@pytest.mark.parametrize("spending", [ROTATE, CONSUME], ids=["refresh token", "code"])
def test_once_something_is_spent_its_answer_needs_no_database(world: World, spending: Hot) -> None:
    """TK-7, RT-3: were anything asked for after that, a database that is away just then would take the answer."""
    ada, web = world.add_user(), world.add_client()
    tokens_of(world, web, ada)  # from here on the app knows our keys
    request, code = code_for(world, web, ada)
    gone: list[str] = []

    def goes_away(statement: str) -> None:
        if gone:
            raise sqlite3.OperationalError("unable to open database file")
        if statement == spending.sql:
            gone.append(statement)
            world.issuer.revisions.forget()

    database = world.issuer.database
    database.counting = goes_away
    try:
        tokens = web.redeem(request, code)
        if not gone:
            tokens = web.refresh(tokens)
    finally:
        database.counting = None
    assert gone
    assert tokens.refresh_token


def test_whoever_is_refused_does_not_wait_for_a_writer(world: World) -> None:
    """TK-2: what only reads is answered while a write of another request is stuck."""
    ada, web, other = world.add_user(), world.add_client(), world.add_client("other")
    tokens = tokens_of(world, web, ada)
    request, _ = code_for(world, web, ada)
    stuck = world.issuer.database.turn()
    try:
        for ask in (lambda: web.redeem(request, "unknown.code"), lambda: other.refresh(tokens)):
            with pytest.raises(OAuthError, match="invalid_grant"):
                ask()
    finally:
        stuck.release()


def test_what_was_read_while_a_writer_was_stuck_is_written_when_it_is_done(world: World) -> None:
    """RT-1, TK-1: the first statement and the last, whichever of them comes while another request writes."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    database = world.issuer.database
    for after in (ROTATE.sql, LOAD.sql):
        stuck = database.turn()
        done = threading.Timer(0.2, stuck.release)

        def seen(statement: str, after: str = after, done: threading.Timer = done) -> None:
            if statement == after:
                done.start()

        database.counting = seen
        try:
            tokens = web.refresh(tokens)
        finally:
            database.counting = None
        done.join()
    threading.Timer(0.2, database.turn().release).start()
    with database.writing_alone() as db:
        assert db.hot(REVOKE_TOKEN, {"jti": "only a write", "until": db.time(world.clock())}).fetchone()


def test_whoever_waited_in_vain_to_write_may_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read meanwhile is read by a link that cannot write; afterwards nothing is left of that."""
    monkeypatch.setattr("authserver.store.database.BUSY_MS", 50)
    database = world.issuer.database
    revoked = {"jti": "late", "until": database.write_time(world.clock())}
    stuck = database.turn()
    with database.writing_alone() as db:
        assert db.one(TOKEN_REVOKED, revoked) is None
        assert db._links is (database.reads if database.embedded else database.fast)
        if database.embedded:
            with pytest.raises(sqlite3.OperationalError, match="locked by another thread"):
                db.hot(REVOKE_TOKEN, revoked)
        stuck.release()
        assert db.one(TOKEN_REVOKED, revoked) is None
        assert db.one(REVOKE_TOKEN, revoked) is not None
    assert not database.turn().release()


def test_an_api_that_goes_in_that_moment_leaves_no_token_for_another(world: World) -> None:
    """TK-11: what is left of a scope is looked at as the whole was, though the API went between the two."""
    api, ada = "https://api.example", world.add_user()
    world.add_group("editors", ada)
    world.add_api(api, scopes=[{"name": "read"}, {"name": "write", "groups": ["editors"]}])
    web = world.add_client(scopes=["openid", "read", "write"], first_party=True)
    tokens = tokens_of(world, web, ada, scope="openid read write", resource=api)
    with world.writing() as db:
        groups.remove_members(db, world.issuer, "editors", [ada.id], by=SYSTEM)

    def goes(statement: str) -> None:
        if statement == BY_ID.sql:
            with closing(sqlite3.connect(world.issuer.config.data_dir / "authserver.db")) as other, other:
                other.execute("DELETE FROM apis")
                other.execute("UPDATE revisions SET n = n + 1 WHERE topic = 'apis'")
            world.issuer.revisions.forget()

    database = world.issuer.database
    database.counting = goes
    try:
        with pytest.raises(OAuthError, match="invalid_grant"):
            web.refresh(tokens)
    finally:
        database.counting = None


def test_once_the_successor_was_used_its_predecessor_is_a_reuse(world: World) -> None:
    """RT-2: even within the grace."""
    ada, web = world.add_user(), world.add_client()
    first = tokens_of(world, web, ada)
    third = web.refresh(web.refresh(first))
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(first)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(third)


def test_without_grace_a_retry_is_a_reuse(world: World) -> None:
    """RT-3: grace 0 is off."""
    world.set(refresh_grace=0)
    ada, web = world.add_user(), world.add_client()
    first = tokens_of(world, web, ada)
    second = web.refresh(first)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(first)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(second)


def test_a_foreign_client_neither_burns_nor_revokes(world: World) -> None:
    """RT-4: it gets invalid_grant, and the owner goes on."""
    ada, web, other = world.add_user(), world.add_client(), world.add_client("other")
    tokens = tokens_of(world, web, ada)
    with pytest.raises(OAuthError, match="invalid_grant"):
        other.refresh(tokens)
    assert web.refresh(tokens).refresh_token


def test_a_refresh_token_is_signed_coordinates(world: World) -> None:
    """RT-5: nothing in the database can be presented; every changed character is refused before the database."""
    ada, web = world.add_user(), world.add_client()
    token = tokens_of(world, web, ada).refresh_token or ""
    assert token.startswith("as_rt1_")
    grant, generation, root, mac = token.removeprefix("as_rt1_").split(".")
    forged = [
        f"as_rt1_{grant}.{int(generation) + 1}.{root}.{mac}",
        f"as_rt1_{grant}.0{generation}.{root}.{mac}",
        f"as_rt1_{grant}.{generation}.{root}.{mac[:-1]}A",
        f"as_rt1_{grant[:-1]}0.{generation}.{root}.{mac}",
        f"as_rt1_{grant}.{generation}.nope.{mac}",
        token + "\n",
        token + "=",
        token.upper(),
    ]
    for each in forged:
        if each != token:
            assert refresh.read(world.issuer, each) is None, each
    with world.statements(0), pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(forged[0])


def test_a_token_one_ahead_of_its_row_moves_the_row_and_two_ahead_end_the_family(world: World) -> None:
    """RT-5: a write lost in a power cut heals; more than one lost write is no accident."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    presented = refresh.read(world.issuer, tokens.refresh_token or "")
    assert presented is not None
    ahead = refresh.mint(world.issuer.roots, presented.grant, 1)
    healed = web.refresh(ahead)
    assert refresh.read(world.issuer, healed.refresh_token or "").generation == 2  # type: ignore[union-attr]
    assert world.events("store_behind")
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(refresh.mint(world.issuer.roots, presented.grant, 9))
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(healed)


def test_idle_and_absolute_ends(world: World) -> None:
    """RT-6: a daily refresh lives to day 30 with offline_access; a gap of 15 days dies."""
    ada, web = world.add_user(), world.add_client(scope="openid offline_access", first_party=True)
    daily, idle = tokens_of(world, web, ada), tokens_of(world, web, ada)
    for _ in range(29):
        world.clock.advance(days=1)
        daily = web.refresh(daily)
        if world.clock.now() - idle.claims["iat"] == 15 * 86_400:
            with pytest.raises(OAuthError, match="invalid_grant"):
                web.refresh(idle)
    world.clock.advance(days=1)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(daily)


def test_without_offline_access_the_family_ends_with_its_session_but_not_by_idleness(world: World) -> None:
    """RT-10: after an idle hour it lives; after the session's 12 hours it does not."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    world.clock.advance(hours=1)
    tokens = web.refresh(tokens)
    world.clock.advance(hours=11)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)


def test_a_client_may_let_idleness_end_its_tokens(world: World) -> None:
    """RT-10: idle_ends_tokens, whoever is asked; not those that outlive the session anyway."""
    ada = world.add_user()
    web = world.add_client(
        idle_ends_tokens=True, scope="openid profile email offline_access", first_party=True
    )
    tokens = tokens_of(world, web, ada, scope="openid profile email")
    offline = tokens_of(world, web, ada)
    world.clock.advance(minutes=9)
    tokens, offline = web.refresh(tokens), web.refresh(offline)
    assert web.userinfo(tokens.access_token)
    world.clock.advance(minutes=2)
    for shown in (tokens.access_token, tokens.refresh_token or ""):
        assert web.introspect(shown) == {"active": False}
    with pytest.raises(OAuthError, match="invalid_token"):
        web.userinfo(tokens.access_token)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)
    assert web.userinfo(web.refresh(offline).access_token)


def test_scope_narrows_for_one_token_and_never_widens(world: World) -> None:
    """RT-7: the grant keeps its own scope."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    narrow = web.refresh(tokens, scope="openid email")
    assert narrow.scope == "openid email"
    assert claims_of(narrow.access_token)["scope"] == "openid email"
    wide = web.refresh(narrow)
    assert wide.scope == "openid profile email"
    for scope in ("openid offline_access", "", "openid  email", "unknown"):
        with pytest.raises(OAuthError, match="invalid_scope"):
            web.refresh(wide, scope=scope)
    assert web.refresh(wide).refresh_token


def test_a_refresh_never_changes_what_happened(world: World) -> None:
    """RT-8: auth_time, amr, acr, sid, sub stay; nonce is left out; a refresh never adds mfa."""
    ada, web = world.add_user(), world.add_client()
    first = tokens_of(world, web, ada)
    tokens = first
    for _ in range(3):
        world.clock.advance(minutes=30)
        tokens = web.refresh(tokens)
        for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
            assert tokens.claims[name] == first.claims[name]
        assert "nonce" not in tokens.claims
        access = claims_of(tokens.access_token)
        assert (access["amr"], access["auth_time"]) == (["pwd"], first.claims["auth_time"])


@pytest.mark.parametrize("act", ["disable", "lock", "end session"])
def test_a_refresh_looks_at_the_live_state(world: World, act: str) -> None:
    """RT-9, TK-7, CVE-12: session ended, person locked or disabled: invalid_grant, and the family is over."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    end(world, ada, act)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)
    assert web.introspect(tokens.access_token) == {"active": False}
    with pytest.raises(OAuthError, match="invalid_token"):
        web.userinfo(tokens.access_token)


def test_a_disabled_client_gets_nothing(world: World) -> None:
    """RT-9: the client is refused before its token is read."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"active": False}, by=SYSTEM)
    with pytest.raises(OAuthError, match="invalid_client"):
        web.refresh(tokens)


def test_who_may_sign_in_is_asked_again_at_refresh(world: World) -> None:
    """RT-9: a person who is in none of the client's groups any more loses the family."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"allowed_groups": []}, by=SYSTEM)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"allowed_groups": None}, by=SYSTEM)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)


def test_a_stronger_sign_in_that_is_required_now_is_named(world: World) -> None:
    """SU-3: invalid_grant says which acr would do; the family itself lives."""
    ada, web = world.add_user(), world.add_client()
    tokens = tokens_of(world, web, ada)
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"required_acr": "mfa"}, by=SYSTEM)
    reply = web.token({"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""})
    assert reply.json()["error"] == "invalid_grant"
    assert reply.json()["acr_values"] == "mfa"
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"required_acr": None}, by=SYSTEM)
    assert web.refresh(tokens).refresh_token


def test_a_refresh_is_few_statements(world: World) -> None:
    """The budget of a hot path: one join, one rotation."""
    ada, web = world.add_user(), world.add_client()
    tokens = web.refresh(tokens_of(world, web, ada))
    with world.statements(3):
        web.refresh(tokens)
