"""Proxies from the environment."""

import pytest

from stepdown.config.proxies import proxy_for


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://api.x/v1", {}, None),
        ("https://api.x/v1", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://api.x/v1", {"https_proxy": "p:3128"}, "http://p:3128"),
        ("http://api.x/v1", {"HTTPS_PROXY": "http://p"}, None),
        ("http://api.x/v1", {"ALL_PROXY": "socks5://p"}, "socks5://p"),
        ("https://api.x/v1", {"HTTPS_PROXY": "http://p", "NO_PROXY": "a.b, .x"}, None),
        ("https://api.x/v1", {"HTTPS_PROXY": "http://p", "NO_PROXY": "pi.x"}, "http://p"),
        ("https://api.x/v1", {"HTTPS_PROXY": "http://p", "no_proxy": "*"}, None),
        ("http://127.0.0.1:8000/v1", {"HTTP_PROXY": "http://p"}, None),
        ("http://localhost/v1", {"ALL_PROXY": "http://p"}, None),
    ],
)
def test_proxies(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(url, environ) == proxy
