import pytest

from facecore.errors import ConfigError
from pages import _ice


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    monkeypatch.setattr(_ice, "_read_secret", lambda: [])
    monkeypatch.delenv(_ice.VARIABLE, raising=False)


def test_nobody_is_asked_by_default():
    assert _ice.rtc_configuration() == {"iceServers": []}


@pytest.mark.parametrize("text", ["", "  ", "[]"])
def test_empty_setting_means_nobody(monkeypatch, text):
    monkeypatch.setenv(_ice.VARIABLE, text)
    assert _ice.rtc_configuration() == {"iceServers": []}


def test_servers_from_the_variable(monkeypatch):
    monkeypatch.setenv(
        _ice.VARIABLE,
        '[{"urls": "stun:a.example:3478"},'
        ' {"urls": ["turn:b.example"], "username": "u", "credential": "c"}]',
    )
    assert _ice.rtc_configuration()["iceServers"] == [
        {"urls": ["stun:a.example:3478"]},
        {"urls": ["turn:b.example"], "username": "u", "credential": "c"},
    ]


def test_variable_comes_before_the_secret(monkeypatch):
    monkeypatch.setattr(_ice, "_read_secret", lambda: [{"urls": "stun:secret.example"}])
    assert _ice.rtc_configuration()["iceServers"] == [{"urls": ["stun:secret.example"]}]
    monkeypatch.setenv(_ice.VARIABLE, '[{"urls": "stun:variable.example"}]')
    assert _ice.rtc_configuration()["iceServers"] == [{"urls": ["stun:variable.example"]}]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{not json", "not valid JSON"),
        ('{"urls": "stun:a"}', "must be a list"),
        ('["stun:a"]', "needs 'urls'"),
        ('[{"url": "stun:a"}]', "needs 'urls'"),
        ('[{"urls": "stun:a", "user": "x"}]', "unknown key 'user'"),
        ('[{"urls": []}]', "an address or a list"),
        ('[{"urls": "https://a.example"}]', "begins with stun"),
        ('[{"urls": [3]}]', "begins with stun"),
    ],
)
def test_wrong_setting_is_one_sentence(monkeypatch, text, hint):
    monkeypatch.setenv(_ice.VARIABLE, text)
    with pytest.raises(ConfigError, match=hint):
        _ice.rtc_configuration()
