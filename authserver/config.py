"""What must be known to boot: one TOML file plus AUTHSERVER_* variables. Everything else is a live setting."""

from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Config(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="AUTHSERVER_", extra="forbid", frozen=True)

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path("data")
    issuer: str = ""
    bind: str = "127.0.0.1:8000"
    internal_urls: tuple[str, ...] = ()
    database_url: SecretStr = SecretStr("")
    redis_url: SecretStr = SecretStr("")
    master_key: SecretStr = SecretStr("")
    master_key_path: Path | None = None
    workers: int = Field(default=1, ge=1)
    threads: int = Field(default=12, ge=1, le=64)
    nodes: int = Field(default=1, ge=1)
    trusted_proxies: int = Field(default=0, ge=0, le=8)
    behind_tls_proxy: bool = False
    metrics_bind: str = ""
    templates_dir: Path | None = None
    log_format: Literal["json", "text"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    debug: bool = False
    node_name: str = ""
    background: bool = True

    @cached_property
    def url(self) -> str:
        """The issuer: as configured, or localhost on the port that we listen on."""
        return self.issuer or f"http://localhost:{self.bind.rpartition(':')[2]}"

    @cached_property
    def database(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir.resolve()}/authserver.db"

    @property
    def is_development(self) -> bool:
        return self.environment == "development"

    @cached_property
    def secure(self) -> bool:
        return urlsplit(self.url).scheme == "https"
