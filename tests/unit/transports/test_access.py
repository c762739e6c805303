import pytest
from django.test import override_settings
from fake_server import scope_of

from dddp.transports.access import allowed_host, is_secure, origin_allowed, refusal


class TestOrigin:
    @pytest.mark.parametrize(
        ("origin", "host", "allowed"),
        [
            (None, "example.com", True),
            ("https://example.com", "example.com", True),
            ("http://Example.com:8000", "example.COM:8000", True),
            ("ws://example.com:8000", "example.com:8000", True),
            ("http://[::1]:8000", "[::1]:8000", True),
            ("http://example.com:9000", "example.com:8000", False),
            ("http://example.com.evil.org", "example.com", False),
            ("http://localhost:5173", "example.com", False),
            ("null", "example.com", False),
            ("file://", "example.com", False),
            ("", "example.com", False),
            ("http://[::1", "example.com", False),
            ("https://example.com", "example.com:443", True),
            ("https://example.com:443", "example.com", True),
            ("http://example.com", "example.com:80", True),
            ("https://example.com", "example.com:80", False),
            ("https://[::1]", "[::1]:443", True),
            ("https://[2001:DB8::1]", "[2001:db8::1]", True),
            ("https://example.com.", "example.com", False),
            ("https://sub.example.com", "example.com", False),
            ("https://user@example.com", "example.com", False),
            ("https://example.com, https://evil.org", "example.com", False),
            ("NULL", "example.com", False),
        ],
    )
    def test_same_host_only(self, origin, host, allowed):
        assert origin_allowed(origin, host) is allowed

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [("https://example.com", True), ("wss://example.com", True), ("http://example.com", False)],
    )
    def test_page_without_tls(self, origin, allowed):
        """Who is in between can write pages of http://example.com, which get its cookies."""
        assert origin_allowed(origin, "example.com", secure=True) is allowed
        assert origin_allowed(origin, "example.com")

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            ("https://app.org", True),
            ("HTTPS://APP.org", True),
            ("http://app.org", False),
            ("https://app.org:444", False),
            ("https://a.b.site.org", True),
            ("https://site.org", True),
            ("https://evilsite.org", False),
            ("http://a.site.org", False),
            ("null", True),
            ("https://example.com", True),
            ("https://other.org", False),
        ],
    )
    def test_listed(self, origin, allowed):
        listed = ["https://app.org/", "https://*.site.org", "null"]
        with override_settings(DDP_ALLOWED_ORIGINS=listed):
            assert origin_allowed(origin, "example.com") is allowed

    def test_all(self):
        with override_settings(DDP_ALLOWED_ORIGINS=["*"]):
            assert origin_allowed("https://whatever.org", "example.com")

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            ("http://localhost:5173", True),
            ("http://app.localhost", True),
            ("http://127.0.0.1:9", True),
            ("http://[::1]:9", True),
            ("http://other.org", False),
            ("null", False),
        ],
    )
    def test_this_machine_under_debug(self, origin, allowed):
        with override_settings(DEBUG=True):
            assert origin_allowed(origin, "192.0.2.1:8000") is allowed


class TestSecure:
    @pytest.mark.parametrize(
        ("scheme", "setting", "told", "secure"),
        [
            ("wss", None, None, True),
            ("https", None, None, True),
            ("ws", None, None, False),
            ("ws", None, "https", False),
            ("ws", ("HTTP_X_FORWARDED_PROTO", "https"), "https", True),
            ("ws", ("HTTP_X_FORWARDED_PROTO", "https"), "http", False),
        ],
    )
    def test_as_django_judges(self, scheme, setting, told, secure):
        scope = scope_of("websocket", "/", headers={"x-forwarded-proto": told}, scheme=scheme)
        with override_settings(SECURE_PROXY_SSL_HEADER=setting):
            assert is_secure(scope) is secure

    @pytest.mark.parametrize(("origin", "status"), [("http", 403), ("https", None)])
    def test_handshake(self, origin, status):
        headers = {"origin": f"{origin}://example.com"}
        assert refusal(scope_of("websocket", "/", headers=headers, scheme="wss")) == status


class TestHost:
    @pytest.mark.parametrize(
        ("settings", "headers", "host"),
        [
            ({}, {"host": "example.com:8000"}, "example.com:8000"),
            ({}, {"host": "evil.org"}, None),
            ({}, {"host": None}, None),
            ({"ALLOWED_HOSTS": ["*"]}, {"host": None}, "127.0.0.1:8000"),
            ({"ALLOWED_HOSTS": []}, {"host": "localhost"}, None),
            ({"ALLOWED_HOSTS": [], "DEBUG": True}, {"host": "localhost:1"}, "localhost:1"),
            ({"ALLOWED_HOSTS": [], "DEBUG": True}, {"host": "evil.org"}, None),
            ({}, {"host": "evil.org", "x-forwarded-host": "example.com"}, None),
            (
                {"USE_X_FORWARDED_HOST": True},
                {"host": "inner", "x-forwarded-host": "example.com"},
                "example.com",
            ),
        ],
    )
    def test_as_django_judges(self, settings, headers, host):
        with override_settings(**settings):
            assert allowed_host(scope_of("http", "/", headers=headers)) == host

    def test_two_hosts(self):
        scope = scope_of("http", "/")
        scope["headers"].append((b"host", b"example.com"))
        assert allowed_host(scope) is None
