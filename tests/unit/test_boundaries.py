"""Lines of the house that import-linter cannot see: who may sign, and who may touch a JWT library."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "authserver"
SOURCES = sorted(HOUSE.rglob("*.py"))
# Requests to SAML providers, and the certificate of the key that signs them: no token of ours.
SIGN_REQUESTS = {"upstream/saml/certificates.py", "upstream/saml/request.py"}
XML_LIBRARIES = {"lxml", "signxml", "xml"}
JWT_LIBRARIES = {"joserfc", "jwt", "jose", "jwcrypto", "authlib.jose"}


def where(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_jwt_library(name: str) -> bool:
    return any(name == library or name.startswith(f"{library}.") for library in JWT_LIBRARIES)


def callers(tree: ast.AST, method: str, function: str = "the module") -> Iterator[str]:
    """The functions in which `….method(…)` is called."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            yield function
        inner = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from callers(node, method, inner)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@pytest.mark.parametrize("path", SOURCES, ids=where)
def test_jwt_libraries_are_used_in_jose_alone(path: Path) -> None:
    """JOSE-1, TK-7: whoever cannot reach the library can neither encode nor decode by it."""
    if not where(path).startswith("jose/"):
        assert [name for name in imported(parsed(path)) if is_jwt_library(name)] == []


@pytest.mark.parametrize("path", SOURCES, ids=where)
def test_nothing_is_signed_outside_tokens(path: Path) -> None:
    """TK-7: a Signer is loaded by keys/ and used by tokens/."""
    if where(path).split("/")[0] not in {"jose", "tokens"} and where(path) not in SIGN_REQUESTS:
        assert list(callers(parsed(path), "sign")) == []


@pytest.mark.parametrize("path", SOURCES, ids=where)
def test_xml_is_touched_in_saml_alone(path: Path) -> None:
    """SA-2, SA-5: one parser, on strict settings."""
    if not where(path).startswith("upstream/saml/"):
        assert [name for name in imported(parsed(path)) if name.split(".")[0] in XML_LIBRARIES] == []
    parsers = list(callers(parsed(path), "XMLParser")) + list(callers(parsed(path), "fromstring"))
    assert not parsers or where(path) == "upstream/saml/document.py"


def doors(tree: ast.Module) -> set[str]:
    """The public functions of a module through which something is signed."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    signing = {name for name, node in functions.items() if any(callers(node, "sign"))}
    while True:
        more = {name for name, node in functions.items() if signing & named(node)} - signing
        if not more:
            return {name for name in signing if not name.startswith("_")}
        signing |= more


def named(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_one_function_signs() -> None:
    """TK-7: every token leaves through issue_tokens().

    What tells of a session's end opens nothing, and what names a login under way only that login's end.
    """
    found = {
        f"{where(path)}: {door}"
        for path in SOURCES
        if where(path).startswith("tokens/")
        for door in doors(parsed(path))
    }
    named = ("issue_tokens", "logout_token", "login_token")
    assert found <= {f"tokens/issue.py: {name}" for name in named}


def test_the_package_of_jose_knows_nobody_above_it() -> None:
    """JOSE-1: it stands at the bottom, beside the vault and the clock."""
    allowed = {"authserver.compact", "authserver.errors", "authserver.jose"}
    for path in sorted((HOUSE / "jose").rglob("*.py")):
        ours = {name for name in imported(parsed(path)) if name.split(".")[0] == "authserver"}
        foreign = {name for name in ours if not any(name.startswith(each) for each in allowed)}
        assert not foreign, where(path)


def test_the_scan_sees_what_it_is_for() -> None:
    """TK-7: a guard that finds nothing must be known to find something."""
    guilty = ast.parse(
        "import joserfc.jwt as j\nfrom authlib import jose\ndef f(s):\n    return s.active.sign({}, 'x')\n"
    )
    assert [name for name in imported(guilty) if is_jwt_library(name)] == ["joserfc.jwt", "authlib.jose"]
    assert list(callers(guilty, "sign")) == ["f"]
    through = (
        "def door(s):\n    return _a(s)\ndef _a(s):\n    return s.sign({})\ndef other():\n    return 1\n"
    )
    assert doors(ast.parse(through)) == {"door"}


def test_randomness_comes_from_the_operating_system() -> None:
    """KEY-9: `random` is banned by the linter, and nothing in the package imports it."""
    config = tomllib.loads((HOUSE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    banned = config["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert "random" in banned
    for path in SOURCES:
        names = {
            alias.name.partition(".")[0]
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert "random" not in names, path
