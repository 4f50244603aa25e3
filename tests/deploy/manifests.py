"""The Compose file and the Kubernetes manifests, against their schemas and against each other."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import tomllib

import check_jsonschema
import jsonschema
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy/compose.yaml"
KUBERNETES = ROOT / "deploy/kubernetes"
SCHEMA = pathlib.Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor/compose-spec.json"
# The oldest Kubernetes that has all that is used, and the newest whose schema is at hand.
OLDEST = (1, 30)
SCHEMAS = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
KNOWN = sorted(tuple(map(int, re.findall(r"\d+", folder.name)[:2])) for folder in SCHEMAS.glob("v*-local-strict"))
VERSIONS = [f"{major}.{minor}" for major, minor in KNOWN if (major, minor) in (OLDEST, KNOWN[-1])]


def judge(tally):
    compose(tally)
    documents = [document for file in sorted(KUBERNETES.glob("*.yaml")) for document in documents_of(file.read_text())]
    objects = [document for document in documents if document["kind"] != "Kustomization"]
    for version in VERSIONS:
        for one in objects:
            tally.expect(is_valid(one, version), f"{one['kind']} {one['metadata']['name']}: {why(one, version)}")
    broken = json.loads(json.dumps(next(one for one in objects if one["kind"] == "StatefulSet")))
    broken["spec"]["replicass"] = 2
    tally.expect(not is_valid(broken, VERSIONS[-1]), "a fault that is put there is found")
    kustomization = next(document for document in documents if document["kind"] == "Kustomization")
    named = {file.name for file in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    tally.expect(set(kustomization["resources"]) == named, f"the kustomization names all but {named ^ set(kustomization['resources'])}")
    belong_together(tally, objects)
    restricted(tally, pod_of(objects))
    if shutil.which("kubectl"):
        ended = subprocess.run(["kubectl", "kustomize", KUBERNETES], capture_output=True, text=True, timeout=60)
        built = documents_of(ended.stdout)
        tally.expect(ended.returncode == 0 and len(built) == len(objects) + 1, f"kustomize: {ended.stderr}")
        for one in built:
            tally.expect(is_valid(one, VERSIONS[-1]), f"kustomized {one['kind']}: {why(one, VERSIONS[-1])}")
    else:
        print("kubectl is not here: what kustomize makes of it is NOT CHECKED")


def documents_of(text):
    return [document for document in yaml.safe_load_all(text) if document]


def why(document, version):
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is told
        return str(error)
    return ""


def is_valid(document, version):
    return not why(document, version)


def pod_of(objects):
    return next(one for one in objects if one["kind"] == "StatefulSet")["spec"]["template"]


def compose(tally):
    content, schema = yaml.safe_load(COMPOSE.read_text()), json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    faults = [error.message for error in validator.iter_errors(content)]
    tally.expect(not faults, f"compose.yaml: {faults}")
    content["services"]["gateway"]["depend_on"] = {}
    tally.expect(list(validator.iter_errors(content)), "a fault that is put there is found")
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    config = tomllib.loads(configuration())
    bound = {config["server"][name].rsplit(":", 1)[1] for name in ("bind", "admin_bind")}
    for port in services["gateway"]["ports"]:
        host, outside, inside = port.split(":")
        tally.expect(host == "127.0.0.1" and inside in bound and outside == inside, f"port {port} is published")
    tally.expect(len(services["gateway"]["ports"]) == len(bound), "both ports are published")
    simulated = services["xceed"]["command"][-1]
    tally.expect(f"//{simulated}/" in config["tenants"]["first-bank"]["xceed"]["url"], "the simulator is where Xceed is looked for")
    for name in ("gateway", "xceed"):
        one = services[name]
        hardened = one["read_only"] and one["cap_drop"] == ["ALL"] and "no-new-privileges:true" in one["security_opt"]
        tally.expect(hardened, f"{name} may do no more than it needs")


def configuration():
    """The gateway's, out of the Compose file."""
    return yaml.safe_load(COMPOSE.read_text())["configs"]["gateway"]["content"]


def belong_together(tally, objects):
    """Selectors select, ports have names that are there, volumes are mounted where the configuration looks."""
    pod = pod_of(objects)
    labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    config = tomllib.loads((KUBERNETES / "gateway.toml").read_text())
    bound = {int(config["server"][name].rsplit(":", 1)[1]) for name in ("bind", "admin_bind")}
    tally.expect(set(ports.values()) == bound, f"ports {ports}, and the gateway binds {bound}")
    for one in objects:
        spec = one.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        selector = selector.get("matchLabels", selector)
        if one["kind"] not in ("Namespace", "ServiceAccount"):
            tally.expect(selector and selector.items() <= labels.items(), f"{one['kind']} {one['metadata']['name']} selects the pods")
        if one["kind"] == "Service":
            for port in spec["ports"]:
                tally.expect(port["targetPort"] in ports, f"{one['metadata']['name']}: no port {port['targetPort']}")
    stateful = next(one for one in objects if one["kind"] == "StatefulSet")["spec"]
    services = [one["metadata"]["name"] for one in objects if one["kind"] == "Service"]
    tally.expect(stateful["serviceName"] in services, "the StatefulSet's service is there")
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]} | {claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    tally.expect(set(mounts) == volumes, f"mounted and there: {set(mounts) ^ volumes} differ")
    for file in files_of(config) + [env["value"] for env in container["env"]]:
        inside = any(file.startswith(path + "/") for path in mounts.values()) or file.startswith("/usr/share/xceed-gateway/")
        tally.expect(inside, f"{file} is on no volume")
    tally.expect(pod["spec"]["serviceAccountName"] in [o["metadata"]["name"] for o in objects if o["kind"] == "ServiceAccount"], "the account is there")
    budget = next(one for one in objects if one["kind"] == "PodDisruptionBudget")["spec"]
    tally.expect(budget["maxUnavailable"] < stateful["replicas"], "somebody always serves")
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    tally.expect(pod["spec"]["terminationGracePeriodSeconds"] >= pause + 10, "there is time to end in order")


def files_of(config):
    """Every absolute path in a configuration."""
    if isinstance(config, dict):
        return [file for value in config.values() for file in files_of(value)]
    if isinstance(config, list):
        return [file for value in config for file in files_of(value)]
    return [config] if isinstance(config, str) and config.startswith("/") else []


def restricted(tally, pod):
    """The `restricted` standard for pods, which the namespace enforces."""
    spec, container = pod["spec"]["securityContext"], pod["spec"]["containers"][0]["securityContext"]
    tally.expect(spec["runAsNonRoot"] and spec["runAsUser"] == 65532, "nobody is root")
    tally.expect(spec["seccompProfile"]["type"] == "RuntimeDefault", "system calls are filtered")
    tally.expect(container["capabilities"] == {"drop": ["ALL"]}, "there are no capabilities")
    tally.expect(container["allowPrivilegeEscalation"] is False, "privileges don't grow")
    tally.expect(container["readOnlyRootFilesystem"], "the image is not written to")
    kinds = {next(key for key in volume if key != "name") for volume in pod["spec"]["volumes"]}
    tally.expect(kinds <= {"configMap", "secret"}, f"volumes are {kinds}")
