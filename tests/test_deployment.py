"""The deployment files say what the rest of the project says: lock file, ports, limits."""

import re
import shlex
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def steps():
    """Instruction and arguments of every Dockerfile step, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def arguments(instruction):
    return [rest for name, rest in steps() if name == instruction]


def settings_of(path):
    """Every option of a coturn file, each with its values."""
    options = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            options.setdefault(name, []).append(value)
    return options


TURN = settings_of(ROOT / "deploy" / "turnserver.conf")


def test_image_installs_the_lock_file_and_nothing_else():
    installs = [rest for rest in arguments("RUN") if "pip install" in rest]
    assert len(installs) == 2
    assert installs[0].endswith("-r requirements.lock")
    assert "-c requirements.lock 'tensorflow[and-cuda]'" in installs[1]
    assert 'if [ -n "$GPU" ]' in installs[1]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "-c requirements.lock 'tensorflow[and-cuda]'" in makefile  # the same GPU variant


def test_image_has_a_python_that_the_lock_file_is_for():
    minor = int(re.search(r"PYTHON_IMAGE=python:3\.(\d+)-slim", DOCKERFILE)[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()
    assert int(low) <= minor < int(high)


def test_image_runs_as_somebody_without_rights():
    names = [name for name, _ in steps()]
    user = arguments("USER")[-1]
    assert user.split(":")[0].isdigit() and user.split(":")[0] != "0"
    assert names.index("USER") < names.index("CMD")
    assert not any("chown" in rest for rest in arguments("COPY"))


def test_image_holds_every_folder_that_the_dashboard_imports():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = {shlex.split(rest)[0] for rest in arguments("COPY") if not rest.startswith("--from")}
    assert copied == allowed
    assert {"app.py", "pages", "facecore", "models", "training", ".streamlit/config.toml"} <= copied
    assert all((ROOT / name).exists() for name in copied)


def test_ports_agree():
    (port,) = arguments("EXPOSE")
    assert f'"--server.port", "{port}"' in arguments("CMD")[0]
    assert f"127.0.0.1:{port}/_stcore/health" in DOCKERFILE
    assert SERVICES["app"]["expose"] == [port]
    assert f":app:{port}}}" in CADDYFILE
    (turn_port,) = TURN["listening-port"]
    assert f":{turn_port}?" in SERVICES["app"]["environment"]["FACECORE_ICE_SERVERS"]


def test_only_caddy_and_coturn_are_reached_from_outside():
    published = {name for name, service in SERVICES.items() if "ports" in service}
    on_host = {name for name, service in SERVICES.items() if "network_mode" in service}
    assert (published, on_host) == ({"caddy"}, {"coturn"})
    for service in SERVICES.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]


def test_every_variable_is_in_the_example_and_every_secret_is_demanded():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(\w+)", text))
    example = (ROOT / "deploy" / "example.env").read_text(encoding="utf-8")
    assert used == set(re.findall(r"^(?:# )?(FACECORE_\w+)=", example, flags=re.MULTILINE))
    demanded = set(re.findall(r"\$\{(\w+):\?", text))
    assert demanded == used - {"FACECORE_TURN_USER", "FACECORE_MEMORY", "FACECORE_TEACHING"}
    in_caddy = set(re.findall(r"\{\$(\w+)\}", CADDYFILE))
    assert in_caddy <= set(SERVICES["caddy"]["environment"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(name in readme for name in demanded)


def test_relay_settings_are_ones_that_the_live_page_takes(monkeypatch):
    from pages import _ice

    value = SERVICES["app"]["environment"]["FACECORE_ICE_SERVERS"]
    value = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: match[1].lower(), value)
    monkeypatch.setenv(_ice.VARIABLE, value)
    (server,) = _ice.rtc_configuration()["iceServers"]
    assert server["urls"] == [
        "turn:facecore_domain:3478?transport=udp",
        "turn:facecore_domain:3478?transport=tcp",
    ]
    assert (server["username"], server["credential"]) == (
        "facecore_turn_user",
        "facecore_turn_password",
    )


def test_upload_limits_agree():
    allowed = CONFIG["server"]["maxUploadSize"] * 1024 * 1024
    limit = int(re.search(r"max_size (\d+)MB", CADDYFILE)[1]) * 1_000_000
    assert allowed < limit < allowed * Fraction(11, 10)


def test_cross_site_protections_stay_on_everywhere():
    text = DOCKERFILE + (ROOT / "compose.yaml").read_text(encoding="utf-8") + repr(CONFIG)
    assert "enableXsrfProtection" not in text
    assert "enableCORS" not in text
    assert "header_up" not in CADDYFILE  # Host has to stay as the browser sent it


def test_programs_marked_with_a_right_may_start():
    # caddy's and coturn's images mark their programs with it (setcap); see capabilities(7), EPERM.
    for name in ("caddy", "coturn"):
        assert SERVICES[name]["cap_add"] == ["NET_BIND_SERVICE"]
    assert "cap_add" not in SERVICES["app"]


def test_programs_that_do_not_heed_the_wish_to_stop_as_the_first_process_are_not():
    assert all(SERVICES[name]["init"] for name in ("app", "coturn"))


def test_uploads_of_the_container_go_to_a_disk_and_never_into_its_layer():
    app = SERVICES["app"]
    assert app["volumes"] == ["scratch:/tmp"] and "HOME=/tmp" in DOCKERFILE
    assert not app.get("privileged") and "docker.sock" not in str(COMPOSE)


@pytest.mark.parametrize("network", ["10.", "127.", "169.254.", "172.16.", "192.168.", "fc00:"])
def test_relay_opens_no_way_into_private_networks(network):
    assert any(value.startswith(network) for value in TURN["denied-peer-ip"])
    assert "lt-cred-mech" in TURN and "no-cli" in TURN


def test_gpu_variant_changes_build_and_devices_only():
    gpu = yaml.safe_load((ROOT / "compose.gpu.yaml").read_text(encoding="utf-8"))["services"]
    assert set(gpu) == {"app"}
    assert gpu["app"]["build"]["args"] == {"GPU": "1"}
    assert SERVICES["app"]["build"]["args"] == {"GPU": ""}
