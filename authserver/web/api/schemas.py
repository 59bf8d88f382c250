"""The schemas of what the admin API shows; a test holds every answer against them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from authserver.apis.form import NewApiForm, ScopeForm
from authserver.clients.form import NewClientForm
from authserver.groups.form import NewAttributeForm, NewGroupForm
from authserver.input import Form
from authserver.upstream.form import NewProviderForm, Rules
from authserver.users.form import UserForm

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
TEXTS: Schema = {"type": "array", "items": TEXT}
ANY: Schema = {}
OBJECT: Schema = {"type": "object"}


def _record(**members: Schema) -> dict[str, Any]:
    return {"type": "object", "required": list(members), "properties": members}


def _of(form: type[Form], **beside: Schema) -> dict[str, Any]:
    """What a form holds, and what is only read."""
    template = "#/components/schemas/{model}"
    members = form.model_json_schema(ref_template=template, mode="serialization")["properties"]
    return _record(**{**members, **beside})


def _with(schema: dict[str, Any], **more: Schema) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], **more}}


@cache
def records() -> dict[str, Any]:
    """Every record by name. Made at the first question, since nobody signs in by it."""
    secrets = {"type": "array", "items": _record(set=TRUTH, expires_at=MAYBE_TIME)}
    client = _of(NewClientForm, secrets=secrets, version=NUMBER)
    user = _of(
        UserForm,
        id=TEXT,
        subject=TEXT,
        status=TEXT,
        created_at=TIME,
        updated_at=TIME,
        last_sign_in_at=MAYBE_TIME,
        version=NUMBER,
    )
    token = _record(
        id=TEXT, name=TEXT, role=TEXT, scopes=TEXTS, made_by=MAYBE_TEXT, made_with=MAYBE_TEXT, state=TEXT,
        created_at=TIME, expires_at=TIME, last_used_at=MAYBE_TIME, revoked_at=MAYBE_TIME,
    )  # fmt: skip
    exemption = _record(reason=TEXT, made_by=TEXT, made_at=TIME, until=MAYBE_TIME)
    return {
        "Access": _with(token, routes=TEXTS),
        "Api": _of(NewApiForm, id=TEXT, version=NUMBER),
        "Attribute": _of(NewAttributeForm, type=TEXT, built_in=TRUTH, version=NUMBER),
        "Change": _record(id=TEXT, name=TEXT, old=ANY, new=ANY, by=TEXT, at=TIME),
        "Client": client,
        "Description": OBJECT,
        "Event": _record(
            id=TEXT, at=TIME, event=TEXT, actor=TEXT, subject=MAYBE_TEXT, client=MAYBE_TEXT, session=MAYBE_TEXT,
            ip=MAYBE_TEXT, user_agent=MAYBE_TEXT, node=MAYBE_TEXT, data=OBJECT,
        ),
        "Exemption": exemption,
        "Group": _of(NewGroupForm, members=NUMBER, created_at=TIME, version=NUMBER),
        "Key": _record(
            kid=TEXT, alg=TEXT, state=TEXT, created_at=TIME, activates_at=MAYBE_TIME, retires_at=MAYBE_TIME,
            purge_at=MAYBE_TIME,
        ),
        "NewClient": _with(client, secret=TEXT),
        "NewSecret": _record(client_id=TEXT, secret=TEXT),
        "NewToken": _with(token, token=TEXT),
        "Problem": _record(
            type=TEXT,
            title=TEXT,
            status=NUMBER,
            detail=TEXT,
            errors={"type": "array", "items": _record(field=TEXT, detail=TEXT)},
            reference=TEXT,
        ),
        "Ended": _record(ended=NUMBER),
        "Invitation": _record(
            id=TEXT, email=TEXT, app=MAYBE_TEXT, groups=TEXTS, made_by=TEXT, made_at=TIME, expires_at=TIME
        ),
        "Joining": _record(
            stays=user, goes=user, sub=TEXT, sub_gone=TEXT, email=MAYBE_TEXT, groups=TEXTS, sessions=NUMBER, lost=TEXTS,
            links={"type": "array", "items": _record(provider=TEXT, identity=TEXT)},
            apps={"type": "array", "items": _record(client_id=TEXT, name=TEXT, knows_both=TRUTH)},
        ),
        "ListedProvider": _record(
            slug=TEXT, title=TEXT, status=TEXT, version=NUMBER, kind=TEXT, links=NUMBER, problem=MAYBE_TEXT
        ),
        "Provider": _of(
            NewProviderForm,
            status=TEXT,
            created_at=TIME,
            updated_at=TIME,
            version=NUMBER,
            callback=TEXT,
            metadata=MAYBE_TEXT,
            warnings=TEXTS,
        ),
        "ProviderTest": _record(
            passed=TRUTH,
            steps={"type": "array", "items": _record(title=TEXT, found=TEXT, remedy=TEXT, passed=TEXT)},
            trial=TEXT,
        ),
        "Rules": Rules.model_json_schema(),
        "ScopeForm": ScopeForm.model_json_schema(),
        "Session": _record(
            id=TEXT, user=TEXT, kind=TEXT, device=TEXT, user_agent=TEXT, ip=TEXT, remembered=TRUTH, created_at=TIME,
            last_seen_at=TIME, idle_until=TIME, expires_at=TIME, acr=TEXT, amr=TEXTS, clients=TEXTS,
        ),
        "Setting": _record(
            name=TEXT, value=ANY, default=ANY, origin=TEXT, where=TEXT, description=TEXT, schema=OBJECT,
            changed_by=MAYBE_TEXT, changed_at=MAYBE_TIME, version=TEXT,
        ),
        "Token": token,
        "User": user,
        "UserInFull": _with(
            user, password=_record(set=TRUTH, changed_at=MAYBE_TIME), exempt={"anyOf": [exemption, {"type": "null"}]}
        ),
    }  # fmt: skip
