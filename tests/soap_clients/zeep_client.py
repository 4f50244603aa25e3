"""Sends a callback with zeep, knowing nothing but the WSDL. `check.py` tells how it is asked and what it answers."""

import hashlib
import json
import sys
from decimal import Decimal

import zeep

wsdl, asked = sys.argv[1], json.load(sys.stdin)
client = zeep.Client(wsdl)
fields = ["platformId", "serviceId", "channel", "secretKey", "eventId", "returnCode", "riskScore", "riskAction", "callbackId"]
digest = hashlib.sha1("".join(asked.get(field, "") for field in fields).encode()).hexdigest()
results = {"returnCode": asked["returnCode"]}
if "riskScore" in asked:
    results["riskScore"] = Decimal(asked["riskScore"])
if "riskAction" in asked:
    results["riskAction"] = asked["riskAction"]
try:
    ack = client.service.eventResult(
        callbackId=asked["callbackId"], eventId=asked["eventId"], Results=results, hashKey=digest
    )
    print(json.dumps({"ack": ack}))
except zeep.exceptions.Fault as fault:
    print(json.dumps({"fault": fault.message, "code": fault.code}))
