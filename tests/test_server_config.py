"""What keeps a dashboard safe that nobody configured, checked against Streamlit's own view."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def effective():
    """Streamlit's options as it reads them in the project's folder."""
    code = (
        "from streamlit import config; config.get_config_options();"
        "print({n: config.get_option(n) for n in ["
        "'server.enableXsrfProtection', 'server.enableCORS', 'server.address',"
        "'server.corsAllowedOrigins', 'server.enableStaticServing', 'client.showErrorDetails',"
        "'browser.gatherUsageStats', 'server.maxUploadSize', 'logger.level']})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ast.literal_eval(answer.stdout.strip().splitlines()[-1])


def test_cross_site_protections_are_on(effective):
    assert effective["server.enableXsrfProtection"] is True
    assert effective["server.enableCORS"] is True
    assert not effective["server.corsAllowedOrigins"]


def test_only_this_machine_is_served_by_default(effective):
    assert effective["server.address"] == "localhost"
    makefile = (ROOT / "Makefile").read_text()
    assert "HOST    ?= localhost" in makefile
    assert "--server.address $(HOST)" in makefile


def test_nothing_is_told_to_others(effective):
    assert effective["browser.gatherUsageStats"] is False
    assert effective["client.showErrorDetails"] == "none"
    assert effective["server.enableStaticServing"] is False
    assert effective["logger.level"] in ("info", "warning", "error")


def test_uploads_are_bounded(effective):
    assert 1 <= effective["server.maxUploadSize"] <= 2000


def test_no_protection_is_switched_off_anywhere():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert "enableXsrfProtection" not in settings["server"]
    assert "enableCORS" not in settings["server"]
    starters = [ROOT / "Makefile", *ROOT.glob("Dockerfile*"), *ROOT.glob("compose*.y*ml")]
    for path in starters:
        text = path.read_text().lower()
        assert "xsrf" not in text and "enablecors" not in text, path.name
