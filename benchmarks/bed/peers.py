"""The gateways that are measured: how each is installed, configured, started and asked.

Each peer is installed once, at a fixed version, into a folder of its own under the bed's cache
(or ``$STEPDOWN_PEERS``), and runs as its own documentation says for production: no debugging, no
access log, no database. All are given one core, so one worker.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bed.places import cache

MODEL = "bench-model"
KEY = "sk-stepdown-bench-0123456789abcdef"
BEARER = {"Authorization": f"Bearer {KEY}"}


class Gateway(Struct):
    """One gateway, ready to be started. ``model`` is what it is asked for."""

    name: str
    version: str
    command: list[str]
    port: int
    path: str = "/v1/chat/completions"
    model: str = MODEL
    headers: dict[str, str] = {}
    environment: dict[str, str] = {}


class Site(Struct):
    """What a peer needs to know to be set up: its port, its upstream's, a folder for its files."""

    port: int
    upstream: int
    folder: Path


def stepdown(site: Site) -> Gateway:
    """This project: a route with the standard rules, sessions, the ledger and a master key."""
    params = {"api_base": f"http://127.0.0.1:{site.upstream}/v1", "api_key": "sk-bench"}
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{MODEL}", **params},
                "model_info": {"base_model": name},
            }
            for name in ("gpt-4o-mini", "gpt-4o")
        ],
        "routes": {"auto": {"ladder": ["gpt-4o-mini", "gpt-4o"], "rules": "standard"}},
        "general_settings": {"master_key": KEY},
        "ledger": {"url": f"sqlite:///{site.folder / 'ledger.db'}"},
    }
    file = site.folder / "stepdown.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML
    serve = [sys.executable, "-m", "stepdown", "serve", "--config", str(file)]
    command = [*serve, "--port", str(site.port), "--log-level", "warning"]
    return Gateway("stepdown", "this tree", command, site.port, model="auto", headers=BEARER)


def litellm(site: Site) -> Gateway:
    version = "1.106.2"
    place = _python_place("litellm", f"litellm[proxy]=={version}")
    config = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {
                    "model": f"openai/{MODEL}",
                    "api_base": f"http://127.0.0.1:{site.upstream}/v1",
                    "api_key": "sk-bench",
                },
            }
        ],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }
    file = site.folder / "litellm.yaml"
    file.write_text(json.dumps(config))
    command = [str(place / "bin/litellm"), "--config", str(file), "--host", "127.0.0.1"]
    return Gateway(
        "litellm",
        version,
        [*command, "--port", str(site.port), "--num_workers", "1"],
        site.port,
        headers=BEARER,
        environment={
            "LITELLM_MASTER_KEY": KEY,  # it does not start without one
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
    )


def portkey(site: Site) -> Gateway:
    version = "1.15.2"
    # Later releases of this server library break Portkey's streams.
    package: dict[str, object] = {
        "private": True,
        "dependencies": {"@portkey-ai/gateway": version},
        "overrides": {"@hono/node-server": "1.13.8"},
    }
    place = _node_place("portkey", package)
    server = place / "node_modules/@portkey-ai/gateway/build/start-server.js"
    return Gateway(
        "portkey",
        version,
        ["node", str(server), f"--port={site.port}", "--headless"],
        site.port,
        headers={
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{site.upstream}/v1",
            "Authorization": "Bearer sk-bench",
        },
        environment={"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"},
    )


def vllm_router(site: Site) -> Gateway:
    version = "0.1.17"
    place = _python_place("vllm-router", f"vllm-router=={version}")
    command = [str(place / "bin/vllm-router"), "--host", "127.0.0.1", "--port", str(site.port)]
    command += ["--worker-urls", f"http://127.0.0.1:{site.upstream}", "--policy", "round_robin"]
    metrics = ["--log-level", "error", "--prometheus-port", str(site.port + 1000)]
    return Gateway("vllm-router", version, [*command, *metrics], site.port)


def nginx(site: Site) -> Gateway:
    """A plain reverse proxy: it reads no JSON, so it marks the limit rather than a rival."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    folder = site.folder
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"  {kind}_temp_path {folder / kind};" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(
        f"""daemon off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; client_body_buffer_size 128k;
{temporary}
  upstream bench {{
    server 127.0.0.1:{site.upstream}; keepalive 256; keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{site.port};
    location / {{
      proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""
    )
    version = told.strip().rpartition("/")[2]
    return Gateway("nginx", version, [program, "-c", str(file)], site.port)


PEERS: dict[str, Callable[[Site], Gateway]] = {
    "litellm": litellm,
    "portkey": portkey,
    "vllm-router": vllm_router,
    "nginx": nginx,
}


def _place(name: str) -> Path:
    return Path(os.environ.get("STEPDOWN_PEERS") or cache() / "peers") / name


def _python_place(name: str, requirement: str) -> Path:
    """A virtual environment that holds one peer. Raises CalledProcessError."""
    place = _place(name)
    if not (place / "bin" / name).exists():
        print(f"installing {requirement} into {place}", file=sys.stderr)
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin/pip", "install", "--quiet", requirement], check=True)
    return place


def _node_place(name: str, package: dict[str, object]) -> Path:
    """A folder of Node packages that holds one peer. Raises CalledProcessError."""
    place = _place(name)
    if not (place / "node_modules").exists():
        print(f"installing {package['dependencies']} into {place}", file=sys.stderr)
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text(json.dumps(package))
        subprocess.run(["npm", "install", "--silent"], cwd=place, check=True)
    return place
