"""The Helm chart runs what there is to run, with few rights and with settings that can be read.

`deploy/check` renders it and holds it to Kubernetes' and KEDA's schemas; here its rendering is read.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft7Validator

from cli.commands.findings import known_variables
from cli.local.table import SERVICES
from deploy.digest import digest
from schemas import environment

ROOT = Path(__file__).parents[3]
HELM = ROOT / "deploy" / "helm"
#: What a process has to read where nothing may be as published.
SECRETS: Final = {
    "HELIO_CALLBACKS__SECRETS": '["one"]',
    "HELIO_SUBSCRIPTIONS__SECRETS": '["one"]',
    "HELIO_MESSAGES__FINGERPRINT_SECRETS": '["one"]',
    "HELIO_REDIS__URL": "rediss://user:password@redis:6379/0",
}
#: Of a Secret that the example mounts whole.
LOGIN: Final = {"HELIO_KAFKA__SASL_USERNAME": "helio", "HELIO_KAFKA__SASL_PASSWORD": "password"}

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    text = (HELM / "rendered.yaml").read_text(encoding="utf-8")
    return [one for one in yaml.safe_load_all(text) if one]


@pytest.fixture(scope="module")
def deployments(manifests: list[Manifest]) -> dict[str, Manifest]:
    found = [one for one in manifests if one["kind"] == "Deployment"]
    return {one["metadata"]["name"].removeprefix("heliograph-"): one for one in found}


def pods(manifests: list[Manifest]) -> list[Manifest]:
    return [one["spec"]["template"]["spec"] for one in manifests if one["kind"] in {"Deployment", "Job"}]


def variables(pod: Manifest) -> dict[str, str]:
    (container,) = pod["containers"]
    return {one["name"]: one["value"] for one in container["env"]}


def test_the_rendering_is_of_this_chart() -> None:
    """Made anew by `deploy/check --write`."""
    first = (HELM / "rendered.yaml").read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.split()[-1] == digest()


def test_every_process_of_a_stack_is_deployed_and_no_other(deployments: dict[str, Manifest]) -> None:
    args = {
        name: one["spec"]["template"]["spec"]["containers"][0]["args"] for name, one in deployments.items()
    }
    assert args == {name: ["python", "-m", *arguments] for name, arguments in SERVICES.items()}


def test_each_has_a_budget_an_account_and_a_policy(manifests: list[Manifest]) -> None:
    for kind in ("PodDisruptionBudget", "ServiceAccount", "NetworkPolicy"):
        named = {
            one["metadata"]["name"].removeprefix("heliograph-") for one in manifests if one["kind"] == kind
        }
        assert named == set(SERVICES), kind


def test_nothing_is_root_writes_its_files_or_holds_a_token(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_no_value_is_a_secret(manifests: list[Manifest]) -> None:
    assert [one for one in manifests if one["kind"] == "Secret"] == []
    assert [name for pod in pods(manifests) for name in variables(pod) if name in SECRETS | LOGIN] == []


def test_settings_are_ours_and_can_be_read(
    manifests: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (SECRETS | LOGIN).items():
        (tmp_path / name).write_text(value, encoding="utf-8")
    known = known_variables() | {"HELIO_SECRETS"}
    for pod in pods(manifests):
        env = variables(pod)
        assert set(env) <= known
        with monkeypatch.context() as patched:
            for name, value in (env | {"HELIO_SECRETS": str(tmp_path)}).items():
                patched.setenv(name, value)
            found = environment.settings()
        assert found.kafka.sasl
        assert found.topics.replication_factor == 3
        if pod["containers"][0].get("readinessProbe"):
            _answers(pod, found.model_dump())


def _answers(pod: Manifest, found: Manifest) -> None:
    """A probed port is one that the process opens."""
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] in {
        found[group]["port"]
        for group in ("ingress", "intake", "webhooks", "notifiers", "streams", "dispatch")
    }
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}


def test_what_is_in_flight_may_finish(deployments: dict[str, Manifest]) -> None:
    for name, one in deployments.items():
        pod = one["spec"]["template"]["spec"]
        drain = (
            float(variables(pod)["HELIO_DISPATCH__DRAIN_SECONDS"]) if name.startswith("dispatchers") else 20
        )
        assert pod["terminationGracePeriodSeconds"] >= drain + 10


def test_who_cannot_read_what_the_new_one_writes_never_runs_beside_it(
    deployments: dict[str, Manifest],
) -> None:
    together = {
        name for name, one in deployments.items() if one["spec"]["strategy"].get("type") == "Recreate"
    }
    assert together == {"streams-fold", "streams-views"}


def test_a_process_is_given_the_secrets_that_it_reads_and_no_other(deployments: dict[str, Manifest]) -> None:
    redis, callbacks, subscriptions, fingerprints = (
        "HELIO_REDIS__URL",
        "HELIO_CALLBACKS__SECRETS",
        "HELIO_SUBSCRIPTIONS__SECRETS",
        "HELIO_MESSAGES__FINGERPRINT_SECRETS",
    )
    wanted = {name: {redis} for name in SERVICES}
    wanted["ingress-api"] |= {subscriptions, fingerprints}
    wanted["ingress-intake"] |= {fingerprints}
    wanted["notifiers"] |= {subscriptions}
    for name in ("webhooks", *(name for name in SERVICES if name.startswith("dispatchers"))):
        wanted[name] |= {callbacks}
    given = {}
    for name, one in deployments.items():
        (folder,) = [v["projected"] for v in one["spec"]["template"]["spec"]["volumes"] if "projected" in v]
        items = [item["key"] for source in folder["sources"] for item in source["secret"].get("items", ())]
        given[name] = set(items)
    assert given == wanted


def test_only_dispatchers_and_notifiers_reach_the_internet(manifests: list[Manifest]) -> None:
    out = {
        one["metadata"]["name"].removeprefix("heliograph-")
        for one in manifests
        if one["kind"] == "NetworkPolicy"
        and any({"port": 443} in rule["ports"] for rule in one["spec"]["egress"])
    }
    assert out == {name for name in SERVICES if name.startswith(("dispatchers", "notifiers"))}


def test_scalers_watch_groups_that_there_are_and_stop_at_the_partitions(manifests: list[Manifest]) -> None:
    rights = (ROOT / "deploy" / "acls.md").read_text(encoding="utf-8")
    watched = set()
    for one in manifests:
        if one["kind"] != "ScaledObject":
            continue
        kafka = [trigger["metadata"] for trigger in one["spec"]["triggers"] if trigger["type"] == "kafka"]
        for metadata in kafka:
            assert f"`{metadata['consumerGroup']}`" in rights
            assert one["spec"]["maxReplicaCount"] == 12
            watched.add(one["spec"]["scaleTargetRef"]["name"].removeprefix("heliograph-"))
    # What waits is not due yet: its lag is no reason for more of it. The doors are scaled by CPU.
    assert watched == set(SERVICES) - {"streams-waiting", "ingress-api", "webhooks"}


def test_the_schema_of_values_takes_the_values_and_refuses_slips() -> None:
    validator = Draft7Validator(
        json.loads((HELM / "heliograph" / "values.schema.json").read_text(encoding="utf-8"))
    )
    values = yaml.safe_load((HELM / "heliograph" / "values.yaml").read_text(encoding="utf-8"))
    example = yaml.safe_load((HELM / "example.yaml").read_text(encoding="utf-8"))
    assert validator.is_valid(values)
    assert validator.is_valid(example)
    assert not validator.is_valid(values | {"setings": {}})
    assert not validator.is_valid(values | {"publicUrl": "http://sms.example.com"})
    assert set(values["services"]) == set(SERVICES)
