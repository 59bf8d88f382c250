"""The one typed catalogue of live settings: each has a default, a sentence, and bounds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

# Bounds stand in each field alone: of two that are laid over each other pydantic checks only one.
Seconds = int
MINUTE, HOUR, DAY = 60, 3_600, 86_400
LONGEST = 400 * DAY


class Settings(BaseModel):
    """Values in force; `Field(description=…)` is what an admin reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # How the pages look
    site_name: str = Field(
        "authserver", min_length=1, max_length=80, description="The name people see on every page."
    )
    logo_url: str = Field(
        "", max_length=512, description="An https address or a path of this server; empty for our mark."
    )
    accent_light: str = Field(
        "", pattern="^(#[0-9a-fA-F]{6})?$", description="The accent colour in light mode."
    )
    accent_dark: str = Field(
        "", pattern="^(#[0-9a-fA-F]{6})?$", description="The accent colour in dark mode."
    )
    support_contact: str = Field(
        "", max_length=254, description="An e-mail or web address where people get help."
    )
    privacy_url: str = Field("", max_length=512, description="Link to the privacy text.")
    imprint_url: str = Field("", max_length=512, description="Link to the imprint.")
    languages: tuple[str, ...] = Field(
        ("en", "de"), min_length=1, description="Languages offered, the first is the fallback."
    )

    # Tokens
    access_token_lifetime: Seconds = Field(
        5 * MINUTE, ge=30, le=DAY, description="Seconds an access token lives."
    )
    id_token_lifetime: Seconds = Field(5 * MINUTE, ge=30, le=DAY, description="Seconds an ID token lives.")
    code_lifetime: Seconds = Field(
        MINUTE, ge=5, le=10 * MINUTE, description="Seconds an authorization code lives."
    )
    refresh_idle_lifetime: Seconds = Field(
        14 * DAY, ge=MINUTE, le=LONGEST, description="A refresh token unused for this long ends."
    )
    refresh_lifetime: Seconds = Field(
        30 * DAY, ge=MINUTE, le=LONGEST, description="A refresh family ends this long after its grant."
    )
    refresh_grace: Seconds = Field(
        10, ge=0, le=MINUTE, description="A retry within these seconds gets the same successor; 0 is off."
    )
    code_replay_grace: Seconds = Field(
        10, ge=0, le=MINUTE, description="A code seen again later than this revokes its tokens."
    )

    # Sessions
    session_idle: Seconds = Field(
        10 * MINUTE,
        ge=MINUTE,
        le=LONGEST,
        description="A browser sign-in ends after this long without input.",
    )
    session_lifetime: Seconds = Field(
        12 * HOUR, ge=MINUTE, le=LONGEST, description="A browser sign-in ends after this long at the latest."
    )
    remembered_idle: Seconds = Field(
        7 * DAY, ge=MINUTE, le=LONGEST, description="The idle limit with 'keep me signed in'."
    )
    remembered_lifetime: Seconds = Field(
        30 * DAY, ge=MINUTE, le=LONGEST, description="The absolute limit with 'keep me signed in'."
    )
    max_sessions: int = Field(
        0,
        ge=0,
        le=1000,
        description="On how many devices somebody may be signed in at once, unless a group or the account has "
        "another number; 0 is no limit.",
    )
    keep_signed_in: bool = Field(
        default=True, description="Whether the sign-in page offers 'keep me signed in'."
    )
    login_lifetime: Seconds = Field(
        30 * MINUTE, ge=MINUTE, le=2 * HOUR, description="Seconds a sign-in may take."
    )
    fresh_for: Seconds = Field(
        5 * MINUTE, ge=MINUTE, le=HOUR, description="How fresh a sign-in must be to change what matters."
    )

    # Accounts
    registration: Literal["off", "invited", "open"] = Field(
        "off",
        description="Whether people make accounts themselves: nobody, who was invited, or everybody, once their "
        "address is confirmed.",
    )
    invitation_lifetime: Seconds = Field(
        7 * DAY, ge=HOUR, le=90 * DAY, description="Seconds that the link of an invitation works."
    )
    confirmed_address: Literal["off", "asked", "required"] = Field(
        "required",
        description="Whether sign-ins ask people who have no confirmed e-mail address for one: never, so that they may "
        "skip it, or so that only admins may. Only where mail can be sent.",
    )
    terms_text: str = Field(
        "", max_length=100_000, description="The terms, shown at /terms: paragraphs, and headings after #."
    )
    privacy_text: str = Field(
        "", max_length=100_000, description="The privacy text, shown at /privacy in place of `privacy_url`."
    )
    terms_version: str = Field(
        "",
        max_length=40,
        description="The version of both that everybody must have accepted, such as 2027-01; a new one is asked for at "
        "the next sign-in. Empty asks nobody.",
    )
    self_deletion: bool = Field(default=True, description="Whether people may delete their own account.")

    # Passwords and limits
    password_min_length: int = Field(
        15, ge=8, le=64, description="Shortest password where it is the only factor."
    )
    password_min_length_with_second: int = Field(
        8, ge=8, le=64, description="Shortest password of somebody who has, or must have, a second factor."
    )
    argon2_memory: int = Field(19_456, ge=8, le=1_048_576, description="argon2id memory in KiB.")
    argon2_time: int = Field(2, ge=1, le=20, description="argon2id passes.")
    password_failures: int = Field(
        10, ge=3, le=100, description="Wrong passwords an hour before sign-in closes for a while."
    )
    password_close: Seconds = Field(
        15 * MINUTE, ge=MINUTE, le=DAY, description="How long it closes at first; doubles up to a day."
    )
    password_failures_ever: int = Field(
        100,
        ge=10,
        le=1000,
        description="Wrong passwords in a row before only an admin or the owner can open.",
    )
    address_failures: int = Field(
        100, ge=5, le=100_000, description="Failed tries an address may make in 5 minutes."
    )
    named_networks: tuple[str, ...] = Field(
        (), description="Networks (CIDR) that many people share, with a ceiling of their own."
    )
    named_network_failures: int = Field(
        2_000, ge=5, le=1_000_000, description="Failed tries a named network may make in 5 minutes."
    )
    client_requests: int = Field(
        500,
        ge=1,
        le=100_000,
        description="Requests a second that one client may make at one worker's machine endpoints.",
    )

    # Providers
    private_hosts: tuple[str, ...] = Field(
        (), description="Hosts on private networks that providers may be asked at; others are never asked."
    )
    directory_check: Seconds = Field(
        15 * MINUTE,
        ge=MINUTE,
        le=DAY,
        description="Seconds until directories are asked again whether those who are signed in may stay.",
    )

    # The second step
    second_factor: Literal["off", "optional", "required"] = Field(
        "optional",
        description="Whether sign-ins ask nobody for a second factor, those who have one, or everybody.",
    )
    admins_exempt_until: str = Field(
        "",
        max_length=40,
        description="Until then nobody with an admin role is made to have a second factor; a date, or empty.",
    )
    trusted_device_lifetime: Seconds = Field(
        6 * HOUR,
        ge=0,
        le=30 * DAY,
        description="How long people may skip the second step on a device where they showed it; 0 is never.",
    )
    mfa_max_age: Seconds = Field(
        12 * HOUR,
        ge=MINUTE,
        le=LONGEST,
        description="Where an app or API demands a second factor, one that was proved longer ago is asked again.",
    )
    totp_digits: int = Field(
        6, ge=6, le=8, description="Digits of the codes of new authenticator apps: 6 or 8."
    )
    code_failures: int = Field(
        5, ge=3, le=20, description="Wrong codes of a person's second step in 15 minutes before it waits."
    )
    code_failures_lock: int = Field(
        10, ge=5, le=100, description="Wrong codes in an hour that lock the second step until it is opened."
    )

    email_code: bool = Field(
        default=False,
        description="Whether a code mailed to a verified address is a second factor: a weak one, acr mfa-low.",
    )
    email_code_not_for: tuple[str, ...] = Field(
        (), description="Groups whose members cannot prove themselves by an e-mailed code."
    )
    email_code_lifetime: Seconds = Field(
        10 * MINUTE, ge=2 * MINUTE, le=10 * MINUTE, description="Seconds an e-mailed code lives."
    )

    # Mail
    mail_wait: Seconds = Field(
        MINUTE, ge=10, le=HOUR, description="Seconds between two mails of a kind that somebody asks for."
    )
    mails_an_hour: int = Field(
        5, ge=1, le=100, description="Mails of a kind that somebody, or an address, is sent in an hour."
    )
    network_mails_an_hour: int = Field(
        20, ge=1, le=100_000, description="Mails in an hour that one network address may ask for."
    )
    mail_from: str = Field(
        "", max_length=254, description="The address that mails come from; empty for no-reply@ our host."
    )
    smtp_host: str = Field(
        "",
        max_length=253,
        description="The mail server that takes our mails; empty for none. A new one forgets `smtp_password`.",
    )
    smtp_port: int = Field(587, ge=1, le=65_535, description="Its port.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="TLS after a word in clear (587), from the start (465), or none, for a server on this machine.",
    )
    smtp_user: str = Field("", max_length=254, description="The account at the mail server; empty for none.")
    smtp_password: SecretStr = Field(
        SecretStr(""), max_length=512, description="Its password; kept sealed and never shown."
    )
    smtp_ca_file: str = Field(
        "",
        max_length=512,
        description="A file on each node with the authority of the server's certificate, if the system has not got it.",
    )

    # Keys and records
    key_publish_ahead: Seconds = Field(
        DAY, ge=HOUR, le=LONGEST, description="Seconds a next key is published before it may sign."
    )
    key_retire_after: Seconds = Field(
        DAY, ge=HOUR, le=LONGEST, description="Seconds a retiring key stays in the JWKS at least."
    )
    audit_retention_days: int = Field(365, ge=7, le=3_650, description="Days that audit events are kept.")
    id_token_alg: Literal["ES256", "RS256"] = Field(
        "ES256", description="Signature of ID tokens for clients that choose none."
    )
