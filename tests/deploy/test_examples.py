"""The examples: as their formats want them, with names that we know, and what production accepts."""

import configparser
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from authserver import config
from authserver.cli.checks import of_configuration
from authserver.keys import master
from authserver.web import edge
from authserver.web.sizes import BODY
from tests.deploy.dockerfile import instructions
from tests.serve import PROGRAM

SECRETS = {
    "database_url": "postgresql://authserver:pw@postgres/authserver",
    "redis_url": "redis://redis:6379/0",
    "master_key": "1:9mB0Tz5rXUyKkQfJdV7eNcWsHaLgP2iE8oR4uYbZqC0=",
}
KINDS = ["ConfigMap", "Job", "Deployment", "Service", "PodDisruptionBudget", "Ingress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """One process of an example: what it is called, and the variables it has beyond the image's."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    from_image: bool = True


def load(project: Path, name: str) -> str:
    return (project / "examples" / name).read_text(encoding="utf-8")


def image_environment(project: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in instructions((project / "Dockerfile").read_text(encoding="utf-8")):
        if each.name == "ENV":
            found |= dict(word.partition("=")[::2] for word in each.rest.split())
    return found


def compose(project: Path) -> dict[str, Any]:
    """The compose file with its variable said."""
    text = load(project, "compose/compose.yaml")
    made: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{AUTHSERVER_HOST[^}]*\}", "id.example.org", text))
    return made


def manifests(project: Path) -> dict[str, dict[str, Any]]:
    found = list(yaml.safe_load_all(load(project, "kubernetes/authserver.yaml")))
    assert [each["kind"] for each in found] == KINDS
    return {each["kind"]: each for each in found}


def unit(project: Path) -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(load(project, "systemd/authserver.service"))
    return parsed


def processes(project: Path) -> Iterator[Runs]:
    services = compose(project)["services"]
    for name in ("migrate", "authserver"):
        service = services[name]
        command = tuple(service.get("command", ("authserver", "serve")))
        yield Runs(name=f"compose-{name}", command=command, environment=service["environment"])
    found = manifests(project)
    for kind in ("Job", "Deployment"):
        (container,) = found[kind]["spec"]["template"]["spec"]["containers"]
        own = {each["name"]: "authserver-0" for each in container.get("env", ())}
        command = tuple(container.get("command", ("authserver", "serve")))
        environment = found["ConfigMap"]["data"] | own
        yield Runs(name=f"kubernetes-{kind}", command=command, environment=environment)
    service_of = unit(project)["Service"]
    name, _, value = service_of["Environment"].partition("=")
    program, *arguments = service_of["ExecStart"].split()
    command = (Path(program).name, *arguments)
    yield Runs(name="systemd", command=command, environment={name: value}, from_image=False)


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("runs", list(processes(ROOT)), ids=lambda runs: runs.name)
def test_production_starts_with_what_an_example_says(
    runs: Runs, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-1, KEY-6: every name is known, secrets come as files, and nothing that production refuses is left."""
    assert runs.command in {("authserver", "serve"), ("authserver", "init")}
    for name in [name for name in os.environ if name.startswith(config.PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in ((image_environment(project) if runs.from_image else {}) | runs.environment).items():
        monkeypatch.setenv(name, placed(value, project, tmp_path))
    loaded = config.load()
    if runs.from_image:
        assert {"DATABASE_URL_FILE", "MASTER_KEY_FILE"} <= {name[11:] for name in runs.environment}
    else:
        assert loaded.data_dir == Path("/var/lib/authserver")
        master.make(tmp_path / "master.key")
        loaded = loaded.model_copy(update={"data_dir": tmp_path})
    assert loaded.environment == "production"
    assert loaded.issuer == "https://id.example.org"
    assert [found.what for found in of_configuration(loaded)] == []


def placed(value: str, project: Path, folder: Path) -> str:
    """A path that an example mounts, as a file of this test."""
    if value == "/etc/authserver/authserver.toml":
        return str(project / "examples" / "systemd" / "authserver.toml")
    if not value.startswith("/run/secrets/"):
        return value
    name = Path(value).name.replace("-", "_")
    path = folder / name
    path.write_text(SECRETS[name])
    path.chmod(stat.S_IRUSR)
    return str(path)


def test_no_example_holds_a_secret(project: Path) -> None:
    for path in sorted((project / "examples").rglob("*")):
        if path.is_file():
            text = re.sub(r"^\s*#.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert not re.search(r"(MASTER_KEY|DATABASE_URL)\b(?!_FILE)", text), path
            assert "postgresql://" not in text, path


# Compose


def test_the_compose_file_is_one_as_its_schema_has_it(project: Path) -> None:
    checker = PROGRAM.parent / "check-jsonschema"
    path = project / "examples" / "compose" / "compose.yaml"
    schema = ("--builtin-schema", "vendor.compose-spec")
    subprocess.run([checker, *schema, path], check=True, timeout=60)


def test_the_compose_file_fits_itself_and_the_image(project: Path) -> None:
    """Secrets that are mounted are declared, replicas are the nodes, and other containers find the server's port."""
    found = compose(project)
    ours = found["services"]["authserver"]
    variables = ours["environment"]
    mounted = {value for name, value in variables.items() if name.endswith("_FILE")}
    assert mounted == {f"/run/secrets/{name}" for name in ours["secrets"]}
    assert set(ours["secrets"]) <= set(found["secrets"])
    assert variables["AUTHSERVER_NODES"] == str(ours["deploy"]["replicas"])
    port = image_environment(project)["AUTHSERVER_BIND"].rpartition(":")[2]
    assert variables["AUTHSERVER_INTERNAL_URLS"] == f"http://authserver:{port}"
    assert f"reverse_proxy authserver:{port} {{" in caddyfile(project)
    assert int(ours["stop_grace_period"].removesuffix("s")) > 30
    assert "ports" not in ours


def caddyfile(project: Path) -> str:
    """What the proxy of the compose file reads, without its comments."""
    (mounted,) = (each for each in compose(project)["services"]["proxy"]["volumes"] if "Caddyfile" in each)
    path, into, mode = mounted.split(":")
    assert (into, mode) == ("/etc/caddy/Caddyfile", "ro")
    text = (project / "examples" / "compose" / path).read_text(encoding="utf-8")
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def test_the_proxy_drops_names_that_wsgi_confuses_and_hands_on_whole_bodies(project: Path) -> None:
    """RL-2, WEB-8: the server cannot tell X_Forwarded_For from X-Forwarded-For, so the proxy before it does."""
    text = caddyfile(project)
    assert re.search(r"^\trequest_header -\*_\*$", text, re.MULTILINE)
    assert f"request_buffers {BODY // 1024}KiB" in text
    assert text.count("{") == text.count("}")
    # Caddy puts its own X-Forwarded-For in the place of a client's, unless it is told to trust somebody.
    assert "trusted_proxies" not in text
    assert compose(project)["services"]["authserver"]["environment"]["AUTHSERVER_TRUSTED_PROXIES"] == "1"
    assert "underscores_in_headers" not in (project / "config" / "nginx.conf.example").read_text("utf-8")


# Kubernetes


def test_the_manifests_are_as_their_schemas_have_them(project: Path) -> None:
    """Strictly: a member that is not known is an error."""
    for manifest in manifests(project).values():
        kubernetes_validate.validate(manifest, "1.37", strict=True)


def test_a_slip_in_a_manifest_is_found(project: Path) -> None:
    deployment = manifests(project)["Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["readinesProbe"] = container.pop("readinessProbe")
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


def test_probes_ask_paths_that_the_server_has(project: Path) -> None:
    """OPS-2: a lost database takes a node out of the balancer, and restarts nothing."""
    (container,) = manifests(project)["Deployment"]["spec"]["template"]["spec"]["containers"]
    probes = {
        name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")
    }
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert set(probes.values()) <= set(edge.ROUTES)


def test_the_manifests_fit_each_other_and_the_image(project: Path) -> None:
    found = manifests(project)
    variables, deployment = found["ConfigMap"]["data"], found["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    image = image_environment(project)
    assert ports["http"] == int(image["AUTHSERVER_BIND"].rpartition(":")[2])
    assert ports["metrics"] == int(image["AUTHSERVER_METRICS_BIND"].rpartition(":")[2])
    (service_port,) = found["Service"]["spec"]["ports"]
    assert service_port["targetPort"] == "http"
    assert variables["AUTHSERVER_INTERNAL_URLS"].endswith(f"svc:{service_port['port']}")
    labels = deployment["template"]["metadata"]["labels"]
    for chooses in (
        deployment["selector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert chooses.items() <= labels.items()
    assert found["PodDisruptionBudget"]["spec"]["minAvailable"] < deployment["replicas"]
    assert variables["AUTHSERVER_NODES"] == str(deployment["replicas"])
    (rule,) = found["Ingress"]["spec"]["rules"]
    assert variables["AUTHSERVER_ISSUER"] == f"https://{rule['host']}"
    assert pod["terminationGracePeriodSeconds"] > 30 + int(variables["AUTHSERVER_DRAIN_SECONDS"])


@pytest.mark.parametrize("kind", ["Job", "Deployment"])
def test_pods_may_do_as_little_as_the_image_needs(project: Path, kind: str) -> None:
    pod = manifests(project)[kind]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (user,) = (
        each.rest.partition(":")[0]
        for each in instructions((project / "Dockerfile").read_text())
        if each.name == "USER"
    )
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert str(pod["securityContext"]["runAsUser"]) == user
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert mounts == {"/tmp", image_environment(project)["AUTHSERVER_DATA_DIR"]}


# systemd


def test_systemd_understands_the_unit(project: Path, tmp_path: Path) -> None:
    """Its own verifier has nothing to say, once the program is where one is installed."""
    analyze = shutil.which("systemd-analyze")
    assert analyze, "systemd is not installed\n  → run tests/install.sh"
    path = tmp_path / "authserver.service"
    path.write_text(
        load(project, "systemd/authserver.service").replace("/opt/authserver/bin", str(PROGRAM.parent))
    )
    done = subprocess.run(
        [analyze, "verify", "--man=no", path], capture_output=True, text=True, timeout=60, check=False
    )
    about = [line for line in done.stderr.splitlines() if "authserver" in line]
    assert (done.returncode, about) == (0, [])


def test_the_unit_keeps_the_service_in_its_place(project: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "systemd is not installed\n  → run tests/install.sh"
    path = project / "examples" / "systemd" / "authserver.service"
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", "--threshold=25", path],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:]


def test_what_the_unit_stops_has_ended_by_then(project: Path) -> None:
    assert int(unit(project)["Service"]["TimeoutStopSec"]) > 30
