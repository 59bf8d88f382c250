"""Names that people sign in with: how they are compared, and which are refused."""

import re
import unicodedata

LONGEST = 64
LONGEST_ADDRESS = 254
RESERVED = frozenset(
    {
        "abuse", "account", "admin", "administrator", "anonymous", "api", "authserver", "everyone", "help",
        "hostmaster", "info", "login", "mail", "me", "moderator", "nobody", "noreply", "null", "official",
        "operator", "owner", "postmaster", "root", "security", "self", "staff", "superuser", "support",
        "sysadmin", "system", "undefined", "webmaster", "www",
    }
)  # fmt: skip
USERNAME = re.compile(r"[^\W_](?:[\w.+-]*[^\W_])?")
LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
LOCAL = re.compile(r"[^\s\"(),:;<>@\[\\\]\x00-\x1f\x7f]{1,64}")
EAST_ASIAN = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "CJK"})
# Letters of other scripts, and digits, that look like a Latin letter. Both sides are compared after this.
LOOKS_LIKE = str.maketrans(
    {
        **dict(zip("аеорсухіјѕԁԛԝһӏкмтнвг", "aeopcyxijsdqwhlkmthbr", strict=True)),
        **dict(zip("αεοικνρτυχηω", "aeoiknptuxnw", strict=True)),
        **dict(zip("ɑɡıℓ0135", "agiloles", strict=True)),  # noqa: RUF001
    }
)


def key(text: str) -> str:
    """Give the one form under which equal names are equal: case, width and composition do not matter."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", folded.casefold()).strip()


def skeleton(text: str) -> str:
    """Give what a hurried reader sees: marks and punctuation gone, look-alikes written in Latin."""
    plain = unicodedata.normalize("NFKD", key(text)).translate(LOOKS_LIKE)
    seen = "".join(char for char in plain if unicodedata.category(char)[0] in "LN")
    return seen.translate(LOOKS_LIKE).replace("l", "i").replace("rn", "m").replace("vv", "w")


SKELETONS = {skeleton(name) for name in RESERVED}


def username_problem(text: str) -> str | None:
    """Say what is wrong with a new user name; None when it may be used. PW-11."""
    composed = unicodedata.normalize("NFC", text)
    shape = USERNAME.fullmatch(composed) is not None
    checks = (
        (0 < len(composed) <= LONGEST, f"A user name has 1 to {LONGEST} characters."),
        ("@" not in composed, "A user name holds no @: what has one is an e-mail address."),
        (
            shape,
            "A user name is made of letters and digits, with dots, dashes, plus or underscores between them.",
        ),
        (len(scripts(composed)) <= 1, "A user name is written in one script."),
        (not _poses(text), "This looks like a reserved name."),
    )
    return next((sentence for holds, sentence in checks if not holds), None)


def _poses(text: str) -> bool:
    """Whether this only looks like a reserved name; the name itself, plainly written, does not pose."""
    if key(text) in RESERVED:
        return text.casefold() != key(text)
    return skeleton(text) in SKELETONS


def is_reserved(text: str) -> bool:
    """Whether only administrators may give this name to somebody."""
    return key(text) in RESERVED


def email_problem(text: str) -> str | None:
    """Say why this cannot be an e-mail address that mail could reach; None when it can."""
    local, at, domain = text.rpartition("@")
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if max(len(text), len(key(text))) > LONGEST_ADDRESS:
        return f"An e-mail address has at most {LONGEST_ADDRESS} characters."
    if not at or not LOCAL.fullmatch(local) or dots:
        return "This is not an e-mail address."
    if not all(LABEL.fullmatch(label) for label in domain.split(".")):
        return "The part behind the @ is not a host name."
    return None


def scripts(text: str) -> set[str]:
    """Name the scripts of the letters in a text, by the first word of each letter's Unicode name."""
    folded = unicodedata.normalize("NFKC", text)
    letters = (char for char in folded if unicodedata.category(char).startswith("L"))
    found = {unicodedata.name(char, "UNKNOWN").split(" ")[0] for char in letters}
    # Japanese and Korean are written in several scripts at once.
    return found - {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "CJK"} or (
        found and {"EAST ASIAN"}
    )
