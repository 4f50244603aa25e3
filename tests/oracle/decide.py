#!/usr/bin/python3
"""Decides an event from Xceed's answer and a tenant's policy: the oracle that the gateway's decisions are held against.

Written from the rules alone (the return codes, the score policy and the fallback policy of the reference model), never
from the gateway's code. It covers a synchronous call that is answered in time, by a customer without other events in
the last hour; deadlines, breakers, limits and callbacks are no business of its.

  /usr/bin/python3 decide.py [--schemas xsd] [--tenant tenant.toml] event.json results.xml
"""

import argparse
import json
import pathlib
import sys
import tomllib
from dataclasses import dataclass
from decimal import Decimal

from lxml import etree

import translate as oracle
from sets import ApiSet, collapse, parse_xml

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
ANSWER_LIMIT = 256 * 1024
MEMBERS = (
    "decision",
    "outcome",
    "basis",
    "riskScore",
    "riskAction",
    "reliable",
    "returnCode",
    "disposition",
    "category",
    "threshold",
)
DEFAULT_POLICY = {
    "fallback": "neutral",
    "fallback_for": [],
    "block_at": Decimal("90.0"),
    "actions": {"Allow": "ALLOW", "StepUp": "CHALLENGE", "Hold": "REVIEW", "Deny": "BLOCK"},
    "thresholds": {"standard": Decimal("65.0"), "high_value": Decimal("45.0"), "new_customer": Decimal("30.0")},
}
# Return code = (what Xceed did with the event, what the decision rests on).
ROWS = {
    "SUCCESS": ("PROCESSED", "score"),
    "NOT_SUPPORTED": ("NOT_PROCESSED", "fallback"),
    "BAD_SERVICE_ID": ("NOT_PROCESSED", "fallback"),
    "HASH_KEY_FAIL": ("NOT_PROCESSED", "fallback"),
    "XML_VALIDATION_FAIL": ("NOT_PROCESSED", "fallback"),
    "MISSING_XML_VERSION": ("NOT_PROCESSED", "fallback"),
    "XSD_VERSION": ("PROCESSED_WITH_WARNING", "score"),
    "UNSUPPORTED_XML_VERSION": ("NOT_PROCESSED", "fallback"),
    "ERROR": ("NOT_PROCESSED", "fallback"),
    "REQUEST_ERROR": ("NOT_PROCESSED", "fallback"),
    "TIMEOUT": ("PROCESSED_LATER", "fallback"),
    "INVALID_MSG": ("SKIPPED", "fallback"),
    "MSG_SKIPPED": ("SKIPPED", "fallback"),
    "MSG_OOO": ("SKIPPED", "fallback"),
    # Of batches alone; in answer to one event it brings no usable score.
    "WRONG_NUM_EVENTS": ("PROCESSED_WITH_WARNING", "fallback"),
    "MAINTENANCE": ("PROCESSED_LATER", "maintenance"),
    "DATA_COLLECTION": ("PROCESSED", "data_collection"),
    "NO_RISKACTION_CONFIGURED": ("PROCESSED", "score_alone"),
    "INVALID_CALLBACK": ("SKIPPED", "fallback"),
    "INVALID_CHANNEL": ("SKIPPED", "fallback"),
    # Of the REST flavour; here no token can be refreshed.
    "ACCESS_TOKEN_EXPIRED": ("NOT_PROCESSED", "fallback"),
    "TOKEN_SIGNATURE_VERIFICATION_FAIL": ("NOT_PROCESSED", "fallback"),
    "AUDIENCE_VERIFICATION_FAIL": ("NOT_PROCESSED", "fallback"),
    "TENANT_UNAVAILABLE": ("NOT_PROCESSED", "fallback"),
    "PUBLICKEYS_UNAVAILABLE": ("NOT_PROCESSED", "fallback"),
}
# Any other word, and a transport failure.
UNKNOWN_ROW = ("UNKNOWN", "fallback")


@dataclass
class Answer:
    """Results as far as decisions need them; without a return code it is a transport failure."""

    return_code: str | None = None
    risk_score: Decimal | None = None
    risk_action: str | None = None


def read_answer(api_set, operation, raw, status=200):
    """The answer to a request, as its bytes and its status came."""
    response = _response(api_set, api_set.operations[operation]["response"], raw) if status == 200 else None
    if response is None:
        return Answer()

    def token(path):
        node = response.find("/".join(api_set.child_tag(step) for step in path.split("/")))
        return None if node is None else collapse(node.text or "") or None

    code, score = token(api_set.results["return_code"]), token(api_set.results["risk_score"])
    if code is None:
        return Answer()
    return Answer(code, None if score is None else Decimal(score), token(api_set.results["risk_action"]))


def _response(api_set, element, raw):
    """The response element of a SOAP answer, valid against the API set's schema, or None."""
    if len(raw) > ANSWER_LIMIT:
        return None
    try:
        root = parse_xml(raw).getroot()
    except etree.XMLSyntaxError:
        return None
    bodies = root.findall(SOAP + "Body") if root.tag == SOAP + "Envelope" else []
    if len(bodies) != 1 or len(bodies[0]) != 1 or bodies[0][0].tag != f"{{{api_set.namespace}}}{element}":
        return None
    response = etree.fromstring(etree.tostring(bodies[0][0], with_tail=False))
    return response if api_set.schema.validate(response) else None


def read_results_file(api_set, path, operation="addEvent"):
    """Results as a case of the fixtures has them: *.xml, or *.http with the status and the type in its first lines."""
    raw, status = path.read_bytes(), 200
    if path.suffix == ".http":
        head, _, rest = raw.partition(b"\n")
        _, _, body = rest.partition(b"\n\n")
        raw, status = body, int(head)
    return read_answer(api_set, operation, raw, status)


def load_policy(path):
    """The default policy with the keys of a tenant's [policy] laid over it; numbers are decimals."""
    if path is None or not pathlib.Path(path).exists():
        return policy_of({})
    return policy_of(tomllib.loads(pathlib.Path(path).read_text(), parse_float=Decimal).get("policy", {}))


def policy_of(given):
    thresholds = DEFAULT_POLICY["thresholds"] | given.get("thresholds", {})
    return DEFAULT_POLICY | given | {"thresholds": thresholds}


def decide(event, policy, answer):
    """The members of the decision that follow from event, policy and answer."""
    facts = _facts(event)
    category = _category(facts)
    threshold = Decimal(policy["thresholds"][category])
    _, rests_on = ROWS.get(answer.return_code, UNKNOWN_ROW)
    found = _by_score(policy, threshold, answer, rests_on)
    if found is None:
        found = _otherwise(policy, facts, threshold, answer, rests_on)
    decision, outcome, basis, score = found
    return {
        "decision": decision,
        "outcome": outcome,
        "basis": basis,
        # Xceed's, else the fallback's, else null.
        "riskScore": score if answer.risk_score is None else answer.risk_score,
        "riskAction": answer.risk_action,
        "reliable": outcome == "SCORED" and answer.risk_score is not None,
        "returnCode": answer.return_code,
        "disposition": disposition_of(answer),
        "category": category,
        "threshold": threshold,
    }


def disposition_of(answer):
    return ROWS.get(answer.return_code, UNKNOWN_ROW)[0]


def _facts(event):
    """(event type, tier, amount): what the policies look at; blank text and null are no data."""

    def of(section, member):
        table = event.get(section)
        value = table.get(member) if isinstance(table, dict) else None
        return None if isinstance(value, str) and not value.strip() else value

    amount = of("transaction", "amount")
    return event["eventType"], of("customer", "tier"), None if amount is None else Decimal(amount)


def _category(facts):
    _, tier, amount = facts
    if tier == "new":
        return "new_customer"
    return "high_value" if amount is not None and amount > 10_000 else "standard"


def _by_score(policy, threshold, answer, rests_on):
    """Riskaction first, then the score; None where neither can decide."""
    if rests_on == "score" and answer.risk_action in policy["actions"]:
        return policy["actions"][answer.risk_action], "SCORED", "action", None
    if rests_on in ("score", "score_alone") and answer.risk_score is not None:
        return _by_threshold(policy, threshold, answer.risk_score), "SCORED", "threshold", None
    return None


def _by_threshold(policy, threshold, score):
    if score >= policy["block_at"]:
        return "BLOCK"
    return "REVIEW" if score >= threshold else "ALLOW"


def _otherwise(policy, facts, threshold, answer, rests_on):
    if rests_on == "data_collection":
        return "ALLOW", "FALLBACK", "data_collection", None
    basis = "transport" if answer.return_code is None else "return_code"
    decision, score = _fallback(policy, facts, threshold)
    return decision, "FALLBACK", "maintenance" if rests_on == "maintenance" else basis, score


def _fallback(policy, facts, threshold):
    word = _fallback_word(policy, facts)
    if word == "closed":
        return "REVIEW", None
    if word == "neutral":
        return "ALLOW", Decimal(50)
    score = _local_score(facts)
    return _by_threshold(policy, threshold, score), score


def _fallback_word(policy, facts):
    event_type, _, amount = facts
    for exception in policy["fallback_for"]:
        over = exception.get("over")
        same_type = exception.get("event_type", event_type) == event_type
        if same_type and (over is None or amount is not None and amount > over):
            return exception["policy"]
    return policy["fallback"]


def _local_score(facts, velocity=0):
    _, tier, amount = facts
    score = {"new": 20, "premium": 10}.get(tier, 15)
    score += 10 if amount is None or amount <= 5_000 else 20 if amount <= 10_000 else 30
    score += 25 if velocity > 5 else 15 if velocity > 2 else 0
    return Decimal(min(score, 100))


def differences(expected, actual):
    """Which members of a decision are not as expected, in words; numbers must be numbers."""
    found = []
    for member in MEMBERS:
        want = expected[member]
        if member not in actual:
            found.append(f"{member} is absent")
        elif type(actual[member]) is not type(want) or actual[member] != want:
            found.append(f"{member} should be {want} and is {actual[member]!r}")
    return found


def parse_decision(text):
    """A decision object's JSON, its numbers as decimals."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schemas", default="xsd", help="folder with the schema sets and the API set")
    parser.add_argument("--tenant", help="tenant's table as .toml, as far as it differs from the default")
    parser.add_argument("event")
    parser.add_argument("results")
    options = parser.parse_args()
    try:
        event = oracle.parse_event(pathlib.Path(options.event).read_bytes())
    except oracle.Malformed as error:
        sys.exit(f"400: {error}")
    answer = read_results_file(ApiSet(pathlib.Path(options.schemas) / "api"), pathlib.Path(options.results))
    for member, value in decide(event, load_policy(options.tenant), answer).items():
        print(f"{member}: {value}")


if __name__ == "__main__":
    main()
