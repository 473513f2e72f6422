"""A whole stack on this machine: broker, ledger, simulator, services. `helio up` and the tests run this."""

import asyncio
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from cli.local import demo, jars, run, table
from cli.local.child import Child
from cli.local.home import cache as default_cache
from cli.local.kafka import Kafka
from cli.local.ports import HOST, choose
from cli.local.probe import view_whole
from cli.local.process import Process
from cli.local.run import Run
from cli.local.setup import prepare
from cli.local.valkey import Valkey
from cli.supervisor import Event, Happening, Keeper, Supervisor
from schemas import environment

KAFKA: Final = "kafka"
REDIS: Final = "redis"
#: Where people look first; others are taken where these are not free.
DOCUMENTED_PORTS: Final[Mapping[str, int]] = {
    KAFKA: 9092, "controller": 9093, REDIS: 6379, "ingress": 8080, "webhooks": 8081, "simulator": 8082,
    **table.FIGURES,
}  # fmt: skip
#: How often, and how many times, it is asked whether the status view is whole: for 20 s.
_LOOK_SECONDS: Final = 0.1
_LOOKS: Final = 200
#: What a stack makes in its home, beside the cache.
STATE: Final = (
    "kafka", "redis", "simulator", "logs", "ready", "secrets",
    "run.json", "ports.json", "simulator.json", "directory.yaml",
)  # fmt: skip


class Stack:
    """One stack, with its state in `home`. All methods block; call them from any thread.

    A process keeps its name through restarts: `kafka`, `redis`, `simulator`, and those of `table.SERVICES`.
    Further copies of a service are called `<service>-2`, `<service>-3` and so on.

    Args:
        home: its folder; made when missing, kept when the stack stops.
        settings: `{group: {field: value}}` of `schemas.settings`, for all services, over the stack's own.
        env: more environment for one process, by its name.
        argv: what to run instead, by process name: a test's broken variant of a service.
        copies: how many processes of a service run, by its name, if not one; not of those with a port.
        jvm: more options for the broker's JVM.
        documented_ports: prefer these; tests that run beside others prefer none.
        say: told one line about each thing that happens.
    """

    def __init__(
        self,
        home: Path,
        *,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        env: Mapping[str, Mapping[str, str]] | None = None,
        argv: Mapping[str, tuple[str, ...]] | None = None,
        copies: Mapping[str, int] | None = None,
        jvm: tuple[str, ...] = (),
        documented_ports: bool = True,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.home = home.absolute()
        self._settings = settings or {}
        self._env = env or {}
        self._argv = argv or {}
        self._copies = copies or {}
        self._jvm = jvm
        self._wished = DOCUMENTED_PORTS if documented_ports else {}
        self._say = say
        self._supervisor = Supervisor(self._happened)
        self._run: Run | None = None
        self._writing = threading.Lock()
        self._held = ExitStack()

    @property
    def run(self) -> Run:
        """Where everything is, once started."""
        if self._run is None:
            raise RuntimeError("the stack is not started")
        return self._run

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; return when all is ready and `run.json` is written.

        Raises:
            StartError: something is missing or did not get ready. What had started is stopped again.
        """
        self._held.enter_context(run.sole(self.home))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything in order and forget `run.json`. Safe to call twice."""
        self._supervisor.stop()
        with self._writing:
            self._run = None
            run.forget(self.home)
        self._held.close()

    def keeper(self, name: str) -> Keeper:
        """The keeper of a process: `wait_ready`, `hold_down`, `let_up`."""
        return self._supervisor.keepers[name]

    def child(self, name: str) -> Child:
        """A process itself: `pid`, `kill`, `stop` (it comes back from both), `pause`, `resume`, `log`."""
        return self.keeper(name).child

    def _start(self) -> None:
        for name in run.end_leftovers(self.home):
            self._say(f"{name} was left behind by an earlier run and is ended")
        run.forget(self.home)
        ports = _ports(self.home, self._wished)
        shown = demo.write(self.home, ports["simulator"], public_url=_public_url(ports))
        kafka, redis, servers = self._servers(ports)
        env = self._environment(_settings(kafka, redis, ports, shown))
        simulator = table.simulator(shown.simulator, ports["simulator"], env)
        self._supervisor.start([*servers, self._child(simulator)])
        self._prepare(kafka, shown.directory)
        services = table.services(self.home, ports, env, self._env, self._copies)
        self._supervisor.start([self._child(process) for process in services])
        self._wait_for_the_view(ports["ingress"])
        with self._writing:
            self._run = Run(
                **{name: f"http://{HOST}:{ports[name]}" for name in table.HTTP},
                kafka=kafka,
                redis=redis,
                api_key=shown.api_key,
                senders=shown.senders,
                use_cases=shown.use_cases,
                operator_api_key=shown.operator_api_key,
                pids={},
                restarts={},
            )
        self._write()

    def _wait_for_the_view(self, port: int) -> None:
        """Until then requests with a key, and questions for unknown ids, are answered 503."""
        for _ in range(_LOOKS):
            if view_whole(port):
                return
            time.sleep(_LOOK_SECONDS)
        # A variant without views, or an ingress that dies: everything else works.
        self._say("the status view is not whole yet: requests with a key are answered 503 until it is")

    def _environment(self, own: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """For all processes. The caller's settings win over our environment, and that over our own choice."""
        # People read the logs' files.
        ours = {"HELIO_LOG_FORMAT": "text", **table.environment(own)}
        chosen = {k: v for k, v in ours.items() if k not in os.environ}
        return {"HELIO_HOME": str(self.home), **chosen, **table.environment(self._settings)}

    def _prepare(self, kafka: str, directory: Path) -> None:
        self._say("making topics and applying the directory")
        wanted = environment.settings()
        topics = self._settings.get("topics", {})
        lines = asyncio.run(
            prepare(
                wanted.kafka.model_copy(update={"bootstrap_servers": kafka}),
                wanted.topics.model_copy(update=topics),
                directory,
            )
        )
        for line in lines:
            self._say(line)

    def _servers(self, ports: Mapping[str, int]) -> tuple[str, str, list[Child]]:
        """Broker and ledger: where they are, and those of them that are ours to run."""
        bootstrap = os.environ.get("HELIO_KAFKA__BOOTSTRAP_SERVERS")
        url = os.environ.get("HELIO_REDIS__URL")
        servers: list[Child] = []
        if not bootstrap:
            self._say("fetching Kafka (once)" if not jars.folder(default_cache()).is_dir() else "starting")
            jars.fetch(default_cache())
            kafka = Kafka(
                self.home / KAFKA,
                port=ports[KAFKA],
                controller_port=ports["controller"],
                cache=default_cache(),
                log=self._log(KAFKA),
                jvm=self._jvm,
            )
            servers.append(kafka)
            bootstrap = kafka.bootstrap_servers
        if not url:
            valkey = Valkey(self.home / REDIS, port=ports[REDIS], log=self._log(REDIS))
            servers.append(valkey)
            url = valkey.url
        return bootstrap, url, servers

    def _child(self, process: Process) -> Child:
        argv = self._argv.get(process.name, process.argv)
        return Child(Process(**{**vars(process), "argv": argv}), self._log(process.name))

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _happened(self, event: Event) -> None:
        if event.what is not Happening.STARTED:
            restarts = self._supervisor.keepers[event.name].restarts
            again = f", restart {restarts}" if restarts else ""
            self._say(f"{event.name} {event.what}: {event.detail}{again}")
        self._write()

    def _write(self) -> None:
        """Put what runs now into `run.json`, once there is one."""
        with self._writing:
            if self._run is None:
                return
            keepers = self._supervisor.keepers.values()
            pids = {k.name: pid for k in keepers if (pid := k.child.pid) is not None}
            restarts = {k.name: k.restarts for k in keepers}
            self._run = Run(**{**vars(self._run), "pids": pids, "restarts": restarts})
            self._run.write(self.home)


def wipe(home: Path) -> None:
    """Remove what stacks made in `home`. Downloads stay, and so does what is not ours."""
    with run.sole(home):
        for name in STATE:
            path = home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _ports(home: Path, wished: Mapping[str, int]) -> dict[str, int]:
    """A port for each server: those of the last time where free, since URLs in the data name them."""
    path = home / "ports.json"
    earlier: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    ports: dict[str, int] = {}
    for name in DOCUMENTED_PORTS:
        given = None if name in table.FIGURES else os.environ.get(f"HELIO_{name}__PORT".upper())
        liked = [port for port in (earlier.get(name), wished.get(name)) if port is not None]
        ports[name] = int(given) if given else choose(liked, taken=ports.values())
    path.write_text(json.dumps(ports) + "\n")
    return ports


def _public_url(ports: Mapping[str, int]) -> str:
    """Where the webhooks are reached: as the environment says, else on this machine."""
    return os.environ.get("HELIO_CALLBACKS__PUBLIC_URL") or f"http://{HOST}:{ports['webhooks']}"


def _settings(
    kafka: str, redis: str, ports: Mapping[str, int], shown: demo.Demo
) -> dict[str, dict[str, Any]]:
    return {
        "kafka": {"bootstrap_servers": kafka},
        "redis": {"url": redis},
        "ingress": {"port": ports["ingress"]},
        "intake": {"owner": demo.ORGANIZATION},
        "webhooks": {"port": ports["webhooks"]},
        "callbacks": {
            "public_url": _public_url(ports),
            "secrets": [shown.callback_secret],
        },
        "subscriptions": {"secrets": [shown.subscription_secret]},
        "messages": {"fingerprint_secrets": [shown.fingerprint_secret]},
        # Whoever tries a subscription out has the receiver on this machine.
        "notifiers": {"allow_private": True},
    }
