"""What makers of apps copy: commands and code with this server's issuer in it; tests run each of them."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent / "templates" / "guide"
# Plain text: the page that shows it escapes it.
_texts = Environment(  # noqa: S701
    loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@lru_cache(maxsize=4)
def snippets(issuer: str) -> Mapping[str, str]:
    """Every snippet by its name, for the server at this URL."""
    insecure = issuer.startswith("http://")
    return MappingProxyType(
        {
            name.removesuffix(".txt"): _texts.get_template(name).render(issuer=issuer, insecure=insecure)
            for name in sorted(_texts.list_templates(extensions=("txt",)))
        }
    )
