"""What must be known to boot: one TOML file and AUTHSERVER_* variables. All else is a live setting."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from authserver.errors import Misconfigured

PREFIX = "AUTHSERVER_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
DATA_VARIABLE = f"{PREFIX}DATA_DIR"
FILE_NAME = "authserver.toml"
SETTING_PREFIX = f"{PREFIX}SETTINGS__"
REMEMBERED = "issuer.url"
# Kubernetes puts such variables into each pod beside a Service that is called authserver.
SERVICE_LINK = re.compile(rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(TCP|UDP)\w*)")
LOCALHOST = frozenset({"localhost", "127.0.0.1", "::1"})
SECRETS = ("database_url", "redis_url", "master_key")


def _listed(value: Any) -> Any:
    return tuple(part for part in re.split(r"[,\s]+", value) if part) if isinstance(value, str) else value


def _address(url: str, rule: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # a bad port is found out here
    except ValueError as error:
        raise ValueError(f"{rule} is not a URL: {error}") from error
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"{rule} starts with https:// and a host name")
    if parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{rule} holds neither a user name nor spaces nor characters beyond ASCII")
    if "?" in url or "#" in url:
        raise ValueError(f"{rule} has neither a query nor a fragment")
    if url.endswith("/"):
        raise ValueError(f"{rule} does not end with a slash")
    if not url.startswith(f"{parts.scheme}://") or parts.netloc != parts.netloc.lower():
        raise ValueError(f"{rule} is written in lower case, up to its path")
    return parts


def _issuer(url: str) -> str:
    if url:
        parts = _address(url, "the issuer")
        if parts.scheme == "http" and parts.hostname not in LOCALHOST:
            raise ValueError("the issuer is an https URL; http is for localhost, in development")
    return url


def _internal(urls: tuple[str, ...]) -> tuple[str, ...]:
    for url in urls:
        _address(url, "an internal URL")
    return urls


def _bind(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError("write HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000")
    return text


Bind = Annotated[str, AfterValidator(lambda text: _bind(text) if text else text)]
Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedSetting:
    """A live setting that the configuration fixes: a value of TOML, or the text of a variable."""

    name: str
    value: Any
    where: str
    is_text: bool = False


class Config(BaseSettings):
    """`X_FILE` names a file that holds the secret `X`. A variable wins over the TOML file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )

    environment: Literal["development", "production"] = "development"
    data_dir: Folder = Path("data")
    issuer: Annotated[str, AfterValidator(_issuer)] = ""
    internal_urls: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_internal)
    ] = ()
    bind: Annotated[str, AfterValidator(_bind)] = "127.0.0.1:8000"
    trusted_proxies: int = Field(default=0, ge=0, le=8)
    workers: int = Field(default=1, ge=1, le=64)
    threads: int = Field(default=12, ge=1, le=64)
    pin_workers: bool = False
    receive_seconds: int = Field(default=30, ge=1, le=300)
    nodes: int = Field(default=1, ge=1)
    node_name: str = Field(default="", max_length=64)
    background: bool = True
    database_url: SecretStr = SecretStr("")
    database_url_file: Path | None = None
    redis_url: SecretStr = SecretStr("")
    redis_url_file: Path | None = None
    master_key: SecretStr = SecretStr("")
    master_key_file: Path | None = None
    templates_dir: Folder | None = None
    geoip_file: Folder | None = None
    metrics_bind: Bind = ""
    log_format: Literal["json", "text"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = False
    drain_seconds: int = Field(default=0, ge=0, le=25)
    debug: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)
    _setting_variables: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = named.get("init_settings") or sources[0]
        variables = named.get("env_settings") or sources[1]
        return given, variables, _TomlFile(settings_cls)

    @model_validator(mode="after")
    def _secrets_from_files(self) -> Self:
        for name in ("database_url", "redis_url"):
            path: Path | None = getattr(self, f"{name}_file")
            if path is not None:
                _alone(self, name)
                object.__setattr__(self, name, SecretStr(_secret(path)))
        if self.master_key_file is not None:
            _alone(self, "master_key")
        return self

    def model_post_init(self, context: Any, /) -> None:
        self._setting_variables = {
            name: value for name, value in os.environ.items() if name.startswith(SETTING_PREFIX)
        }

    def pinned_settings(self) -> Iterator[PinnedSetting]:
        """Live settings that are fixed here: those of the file, then the variables, which win."""
        for name, value in self.settings.items():
            yield PinnedSetting(name=name, value=value, where=f"{name} under [settings] in {FILE_NAME}")
        for variable, text in sorted(self._setting_variables.items()):
            name = variable.removeprefix(SETTING_PREFIX).lower()
            yield PinnedSetting(name=name, value=text, where=f"the variable {variable}", is_text=True)

    @cached_property
    def url(self) -> str:
        """The issuer: as configured, or localhost on the port that we listen on."""
        return self.issuer or f"http://localhost:{self.port}"

    @cached_property
    def host(self) -> str:
        return self.bind.rpartition(":")[0].strip("[]")

    @cached_property
    def port(self) -> int:
        return int(self.bind.rpartition(":")[2])

    @cached_property
    def database(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir.resolve()}/authserver.db"

    @property
    def master_key_path(self) -> Path:
        """Where the master key is, unless it is a variable: the file that rotation writes to."""
        return self.master_key_file or self.data_dir / "master.key"

    @property
    def is_development(self) -> bool:
        return self.environment == "development"

    @cached_property
    def secure(self) -> bool:
        return urlsplit(self.url).scheme == "https"


class _TomlFile(PydanticBaseSettingsSource):
    """The one file, as AUTHSERVER_CONFIG names it, or authserver.toml in the data folder."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        named = os.environ.get(CONFIG_VARIABLE)
        folder = self.current_state.get("data_dir") or Config.model_fields["data_dir"].default
        path = Path(named) if named else Path(folder) / FILE_NAME
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if named:
                raise Misconfigured(
                    f"{CONFIG_VARIABLE} names {path}, which does not exist.", "Name a file."
                ) from None
            return {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Misconfigured(f"{path} cannot be read: {error}", "Correct the file; it is TOML.") from error


def load(**given: Any) -> Config:
    """Read the configuration; each thing that is wrong is named at once, with what to do."""
    problems = list(_unknown_variables(os.environ))
    try:
        config = Config(**given)
    except ValidationError as error:
        problems += (_sentence(each) for each in error.errors(include_url=False, include_input=False))
        config = None
    if problems or config is None:
        raise Misconfigured(
            "The configuration is wrong:\n" + "\n".join(f"  - {problem}" for problem in problems),
            "Correct it; config/authserver.example.toml explains every key.",
        )
    return config


def load_beside() -> Config:
    """Read the configuration for a command beside a server: in development with that server's issuer."""
    config = load()
    if config.issuer or not config.is_development:
        return config
    try:
        url = (config.data_dir / REMEMBERED).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return config
    return config.model_copy(update={"issuer": url})


def remember(config: Config) -> None:
    """Leave the issuer, where it follows from the port, in the data folder for commands beside this server."""
    if config.is_development and not config.issuer:
        (config.data_dir / REMEMBERED).write_text(f"{config.url}\n", encoding="ascii")


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    # Settings have a variable each (see pinned_settings), so that there is none for them all.
    fields = Config.model_fields.keys() - {"settings"}
    known = {f"{PREFIX}{name.upper()}" for name in fields} | {CONFIG_VARIABLE}
    for name in sorted(environ):
        if name.startswith(SETTING_PREFIX):
            continue
        if name.startswith(PREFIX) and name not in known and not SERVICE_LINK.fullmatch(name):
            yield _unknown(name, known)


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f"{name} is not known; did you mean {near[0]}?" if near else f"{name} is not known."


def _sentence(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown(name, set(Config.model_fields))
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message


def _alone(config: Config, name: str) -> None:
    if getattr(config, name):
        raise ValueError(f"{name} and {name}_file are both given; keep one of them")


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the secret file {path} cannot be read: {error}") from error
