"""One file per grant_type."""

from authserver.oauth.grants.authorization_code import AuthorizationCode
from authserver.oauth.grants.client_credentials import ClientCredentials
from authserver.oauth.grants.refresh_token import RefreshToken

GRANTS = (AuthorizationCode, RefreshToken, ClientCredentials)

__all__ = ["GRANTS"]
