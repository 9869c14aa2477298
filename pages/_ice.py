"""Which servers may help a live connection to come up; none unless the operator names some."""

import json
import os
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from facecore.errors import ConfigError

VARIABLE = "FACECORE_ICE_SERVERS"
SECRET = "ice_servers"  # noqa: S105  the secret's name

_EXAMPLE = '[{"urls": "stun:stun.example.org:3478"}]'
_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")
_KEYS = {"urls", "username", "credential"}


def rtc_configuration() -> dict[str, Any]:
    """Return the WebRTC configuration for the server and the browser.

    ``iceServers`` is always set, empty by default: left out, streamlit-webrtc and aiortc would ask
    third parties.

    Raises:
        ConfigError: if the variable or the secret is no list of ICE servers.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if text:
        try:
            return {"iceServers": check_ice_servers(json.loads(text), VARIABLE)}
        except json.JSONDecodeError as error:
            raise ConfigError(
                f"{VARIABLE} is not valid JSON ({error}); expected a list such as {_EXAMPLE}."
            ) from error
    return {"iceServers": check_ice_servers(_read_secret(), f"the secret {SECRET}")}


def check_ice_servers(value: Any, source: str) -> list[dict[str, Any]]:
    """Return the servers as plain dictionaries.

    Args:
        value: what was configured.
        source: where, for the error message.

    Raises:
        ConfigError: naming the first thing that is wrong.
    """
    if not isinstance(value, list):
        raise ConfigError(f"{source} must be a list of ICE servers such as {_EXAMPLE}.")
    return [_check_server(server, source) for server in value]


def _check_server(server: Any, source: str) -> dict[str, Any]:
    if not isinstance(server, dict) or "urls" not in server:
        raise ConfigError(f"Every ICE server in {source} needs 'urls', as in {_EXAMPLE}.")
    if unknown := set(server) - _KEYS:
        raise ConfigError(
            f"{source} has the unknown key {sorted(unknown)[0]!r}; known are urls, username and "
            "credential."
        )
    urls = [server["urls"]] if isinstance(server["urls"], str) else server["urls"]
    if not isinstance(urls, list) or not urls:
        raise ConfigError(f"'urls' in {source} must be an address or a list of them.")
    for url in urls:
        if not isinstance(url, str) or not url.startswith(_SCHEMES):
            raise ConfigError(
                f"{source} has the address {url!r}; expected one that begins with stun: or turn:."
            )
    return {**server, "urls": urls}


def _read_secret() -> Any:
    try:
        secret = st.secrets.get(SECRET, [])
    except StreamlitSecretNotFoundError:  # no secrets file at all, the usual case
        return []
    return [dict(server) if hasattr(server, "keys") else server for server in secret]
