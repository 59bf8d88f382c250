"""grant_type=client_credentials. RFC 6749 §4.4: a client acts for itself. TK-8."""

from collections.abc import Mapping

from authserver.apis.allow import allow
from authserver.apis.find import Apis, catalogue
from authserver.clients.client import Client
from authserver.errors import Refusal
from authserver.oauth.errors import invalid_request, unauthorized_client
from authserver.oauth.server import Grant
from authserver.scopes import STANDARD
from authserver.tokens.issue import TokenSet, Wanted, issue_tokens


class ClientCredentials(Grant):
    GRANT_TYPE = "client_credentials"

    def admit(self, client: Client, form: Mapping[str, str]) -> None:
        if client.is_public:
            raise unauthorized_client("a public client cannot act for itself", rule="public_client")
        if form.get("scope") == "":
            raise invalid_request("scope is empty", rule="scope_empty")

    def tokens(self, client: Client) -> TokenSet:
        form = self.request.edge.form
        apis = catalogue(self.issuer)
        scope = form["scope"].split() if "scope" in form else all_of(client, apis)
        allowed = allow(
            client, apis, identity=STANDARD, scope=scope, resources=form.get("resource", "").split()
        )
        if isinstance(allowed, Refusal):
            raise allowed
        resources = tuple(api.identifier for api in allowed.apis)
        return issue_tokens(self.issuer, client, Wanted(scope=allowed.scope, resources=resources))


def all_of(client: Client, apis: Apis) -> list[str]:
    """Without `scope`: every scope of an API that the client has; those about a person are not for it."""
    return [word for word in client.scopes if word in apis.scopes and word not in STANDARD]
