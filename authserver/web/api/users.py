"""/api/admin/users."""

from collections.abc import Callable
from typing import Any

from flask import Response
from pydantic import Field

from authserver.authentication import UserId
from authserver.errors import NotFound
from authserver.input import Form
from authserver.login import enrolment, one_account, passwords
from authserver.sessions import keeping_out
from authserver.store import Session
from authserver.users import edit, find, listing
from authserver.users import exempt as exemptions
from authserver.users.exempt import ExemptionForm
from authserver.users.form import UserForm
from authserver.users.user import User
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, created, gone, listed, looked
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("users")
LIST = ("search", "status", "role", "group", "limit", "after")
FILTERS = ("search", "status", "role", "group")


class PasswordForm(Form):
    """A password for somebody."""

    password: str = Field(min_length=1, max_length=1024, description="The new password.")


class JoinForm(Form):
    """An account that is to be joined into another."""

    account: str = Field(min_length=1, max_length=64, description="The id of the account that goes.")


@route(blueprint, "GET", scope="users:read", gives="User[]", query=LIST)
def list_users() -> Response:
    """List people in the order in which they were added."""
    given = reading.query(*LIST)
    most, start = reading.limit(given), reading.after(given)
    wanted: dict[str, Any] = {name: given[name] for name in FILTERS if given.get(name)}
    page = looked(lambda db: listing.page(db, after=start, limit=most, **wanted))
    return listed(map(shown.user, page.items), page.next)


@route(blueprint, "POST", scope="users:write", takes=UserForm, gives="User", status=201)
def add_user() -> Response:
    """Make an account, without a password."""
    given = reading.members()
    made = acted(lambda db: edit.add(db, issuer(), given, by=actor()))
    return created(shown.user(made), "users", made.id, version=made.version)


@route(blueprint, "GET", "/<user_id>", scope="users:read", gives="UserInFull")
def show_user(user_id: str) -> Response:
    """Show somebody, and whether they have a password."""

    def look(db: Session) -> tuple[User, dict[str, Any]]:
        found = _present(find.load(db, user_id))
        exempt = exemptions.find(db, issuer(), user_id)
        return found, shown.user_in_full(found, find.password(db, user_id), exempt)

    found, full = looked(look)
    return answer(full, version=found.version)


@route(blueprint, "PATCH", "/<user_id>", scope="users:write", takes=UserForm, gives="User")
def edit_user(user_id: str) -> Response:
    """Change the members given; an attribute given as null is removed."""
    given, version = reading.members(), reading.expected()
    made = acted(lambda db: edit.edit(db, issuer(), user_id, given, by=actor(), expected_version=version))
    return answer(shown.user(made), version=made.version)


@route(blueprint, "DELETE", "/<user_id>", scope="users:write", status=204)
def remove_user(user_id: str) -> Response:
    """Delete what is known of somebody; their subject is never given again."""
    acted(lambda db: keeping_out.remove(db, issuer(), UserId(user_id), by=actor()))
    return gone()


@route(blueprint, "POST", "/<user_id>/lock", scope="users:help", gives="User")
def lock_user(user_id: str) -> Response:
    """Keep somebody out for now; everything they are signed in to ends."""
    return _done(keeping_out.lock, user_id)


@route(blueprint, "POST", "/<user_id>/unlock", scope="users:help", gives="User")
def unlock_user(user_id: str) -> Response:
    """Let somebody in again, also where wrong passwords closed the account."""
    return _done(edit.unlock, user_id)


@route(blueprint, "POST", "/<user_id>/disable", scope="users:write", gives="User")
def disable_user(user_id: str) -> Response:
    """Switch an account off; everything it is signed in to ends."""
    return _done(keeping_out.disable, user_id)


@route(blueprint, "POST", "/<user_id>/enable", scope="users:write", gives="User")
def enable_user(user_id: str) -> Response:
    """Switch a disabled account on again."""
    return _done(edit.enable, user_id)


@route(blueprint, "POST", "/<user_id>/password", scope="users:help", takes=PasswordForm, status=204)
def set_password(user_id: str) -> Response:
    """Give somebody a password; everything they are signed in to ends."""
    form = reading.body(PasswordForm)
    asked = issuer()
    looked(lambda db: _present(find.load(db, user_id)))
    chosen = passwords.choose(asked, form.password, UserId(user_id))
    acted(
        lambda db: keeping_out.reset_password(
            db, asked, UserId(user_id), chosen.phc, by=actor(), stands=chosen.stands
        )
    )
    return gone()


@route(blueprint, "PUT", "/<user_id>/exemption", scope="users:write", takes=ExemptionForm, gives="Exemption")
def exempt_user(user_id: str) -> Response:
    """Demand no second factor of somebody, whatever setting, groups and clients require."""
    form, asked = reading.body(ExemptionForm), issuer()

    def act(db: Session) -> exemptions.Exemption:
        return enrolment.exempt(db, asked, _present(find.load(db, user_id)), form, by=actor())

    return answer(shown.exemption(acted(act)))


@route(blueprint, "DELETE", "/<user_id>/exemption", scope="users:write", status=204)
def end_exemption(user_id: str) -> Response:
    """The rules hold for somebody again."""
    acted(lambda db: exemptions.end(db, issuer(), user_id, by=actor()))
    return gone()


@route(blueprint, "POST", "/<user_id>/join/preview", scope="users:read", takes=JoinForm, gives="Joining")
def preview_join(user_id: str) -> Response:
    """Show what joining another account into this one comes to: the sub that stays, the apps that know the other."""
    form, asked = reading.body(JoinForm), issuer()
    found = looked(lambda db: one_account.plan(db, asked, UserId(user_id), UserId(form.account)))
    return answer(shown.plan(found), version=found.stays.version)


@route(blueprint, "POST", "/<user_id>/join", scope="users:write", takes=JoinForm, gives="Joining")
def join_users(user_id: str) -> Response:
    """Join another account into this one: its links move, all that it was signed in to ends, and it is removed."""
    form, asked, version = reading.body(JoinForm), issuer(), reading.expected()
    stays, goes = UserId(user_id), UserId(form.account)
    done = acted(lambda db: one_account.join(db, asked, stays, goes, by=actor(), expected_version=version))
    return answer(shown.plan(done))


def _done(act: Callable[..., User], user_id: str) -> Response:
    reading.nothing()
    done = acted(lambda db: act(db, issuer(), user_id, by=actor()))
    return answer(shown.user(done), version=done.version)


def _present(user: User) -> User:
    if user.status == "deleted":
        raise NotFound("There is no such person.", detail=f"user {user.id} was removed")
    return user
