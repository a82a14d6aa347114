#!/usr/bin/env python3
"""Starts the example: one node with SQLite and everything else in memory, or several behind nginx with Redis.

The first run makes a virtual environment beside this file and installs the requirements into it. The users are maggie (password
`secret`), bob (`hunter2`) and eve (`gone`, not active). Everything listens on this machine only and ends with this program.
"""

import argparse
import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def in_environment():
    """Goes on in the virtual environment, which is made if there is none; `EXAMPLE_VENV` names another place."""
    if importlib.util.find_spec("channels"):
        return
    venv = Path(os.environ.get("EXAMPLE_VENV", HERE / ".venv"))
    python = venv / "bin" / "python"
    if os.environ.get("EXAMPLE_IN_VENV"):
        sys.exit(f"{venv} lacks what requirements.txt names; remove it and start again")
    if not python.exists():
        print(f"making a virtual environment in {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        requirements = str(HERE / "requirements.txt")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    os.environ["EXAMPLE_IN_VENV"] = "1"
    os.execv(python, [str(python), *sys.argv])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end_with_parent():
    """Nothing stays behind if this program is killed (Linux: prctl PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Child:
    """A process that is started again when it ends, until all end."""

    def __init__(self, name, command, **options):
        self.name, self.command, self.options = name, command, options
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=HERE, preexec_fn=end_with_parent, **self.options)

    def is_there(self):
        return self.process.poll() is None

    def end(self):
        if self.is_there():
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def wait_for_port(port, child):
    """Waits until a server listens."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if not child.is_there():
                sys.exit(f"{child.name} has ended: {' '.join(child.command)}")
            time.sleep(0.05)
    sys.exit(f"{child.name} does not listen on port {port}")


def program(name, package):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    return found or sys.exit(f"{name} is missing; on Debian: apt-get install {package}")


# region nginx
def nginx_config(data, port, nodes):
    """One server in front of the nodes. A node that is not there is passed by; an open socket lives as long as it likes."""
    servers = "\n".join(f"    server 127.0.0.1:{node} max_fails=0;" for node in nodes)
    temporary = "\n".join(f"  {kind}_temp_path {data}/nginx-{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    return f"""daemon off;
worker_processes 1;
pid {data}/nginx.pid;
# Not `error`: it logs the whole line of a request that a node did not answer, and a query may hold a credential.
error_log {data}/nginx-error.log crit;
events {{ worker_connections 4096; }}
http {{
{temporary}
  # The path alone: a query may hold a credential.
  log_format without_query '$remote_addr $request_method $uri $status';
  access_log {data}/nginx-access.log without_query;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  upstream nodes {{
    least_conn;
{servers}
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      # Not non_idempotent: a refresh that was carried out must not be repeated on the other node.
      proxy_next_upstream error timeout;
      proxy_read_timeout 1h;
    }}
  }}
}}
"""
# endregion nginx


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000, help="where to listen; 0 takes a free port (default: 8000)")
    parser.add_argument("--nodes", type=int, default=1, help="how many Django nodes; several need redis-server and nginx (default: 1)")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="where database, logs and sockets go (default: data)")
    options = parser.parse_args()
    if options.nodes < 1:
        parser.error("--nodes: at least 1")
    in_environment()

    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    port = options.port or free_port()
    environment = dict(os.environ, EXAMPLE_DATA=str(data))
    children = []

    def stop(*_):
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    try:
        if options.nodes > 1:
            redis_port = free_port()
            redis = [program("redis-server", "redis-server"), "--bind", "127.0.0.1", "--port", str(redis_port)]
            redis += ["--save", "", "--appendonly", "no", "--dir", str(data), "--loglevel", "warning"]
            children.append(Child("redis-server", redis, stdout=subprocess.DEVNULL))
            environment["REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/0"
            # For `manage.py shell` beside it.
            (data / "redis-url").write_text(environment["REDIS_URL"])
        for command in [["migrate", "-v0"], ["demo_users"]]:
            subprocess.run([sys.executable, "manage.py", *command], cwd=HERE, env=environment, check=True)

        ports = [port] if options.nodes == 1 else [free_port() for _ in range(options.nodes)]
        for number, node_port in enumerate(ports, 1):
            command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(node_port), "-v", "0", "config.asgi:application"]
            child = Child(f"node {number}", command, env=environment)
            children.append(child)
            wait_for_port(node_port, child)
        if options.nodes > 1:
            config = data / "nginx.conf"
            config.write_text(nginx_config(data, port, ports))
            nginx = Child("nginx", [program("nginx", "nginx-light"), "-e", str(data / "nginx-error.log"), "-c", str(config)])
            children.append(nginx)
            wait_for_port(port, nginx)
        print(f"http://127.0.0.1:{port}", flush=True)
        while True:
            time.sleep(0.1)
            for child in children:
                if not child.is_there():
                    print(f"{child.name} has ended and is started again", file=sys.stderr, flush=True)
                    child.start()
    except KeyboardInterrupt:
        pass
    finally:
        for child in reversed(children):
            child.end()


if __name__ == "__main__":
    main()
