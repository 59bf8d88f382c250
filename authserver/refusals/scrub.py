"""What may be kept of what a stranger sent: short, printable, and nothing that opens anything."""

import re

LONGEST = 300
OPENS = re.compile(
    r"""as_\w{2,8}_[\w.~-]+                                  # our tokens
      | eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*){0,3}              # any JWT
      | \$argon2\S+
      | (?<![\w-])[\w-]{16,64}\.[\w-]{40,}                 # a ticket: key.answer
      | (?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{40,}   # 240 random bits and more
    """,
    re.VERBOSE,
)
NAMED = re.compile(
    r"""((?:code|token|secret|password|passwd|assertion|verifier|id_token_hint)"?(?:=|%3D|"?:\s*")"?
        |(?:authorization|cookie):\s*(?:Basic|Bearer)?\s*)
        [^&\s"',;\#]+""",
    re.VERBOSE | re.IGNORECASE,
)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def scrubbed(text: str, longest: int = LONGEST) -> str:
    """The text without what looks like a secret, code, token or password, and without control characters."""
    # Cut first, so that a megabyte of junk costs nothing; a secret cut in half still looks like one.
    cut = text[: 4 * longest]
    shown = UNPRINTABLE.sub("�", OPENS.sub("…", NAMED.sub(r"\1…", cut)))
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
