"""The answers that the fixtures have from Xceed, given to a running gateway: a server's content for live.py.

What the gateway should make of them is for decide.py to say.
"""

import tomllib
from decimal import Decimal

import decide
import translate as oracle
from cases import Case, case_folders
from gateway import Tenant
from sets import ApiSet, parse_xml


class Canned:
    """Xceed's answers as the fixtures have them, and who asks for them."""

    def __init__(self, schemas):
        self.folders = {f.name: f for f in case_folders() if any(f.glob("4-results.*"))}
        self.api_set = ApiSet(schemas / "api")
        self.said = {n: decide.read_results_file(self.api_set, self._results(f)) for n, f in self.folders.items()}
        self.tenants = {}
        self.cases = [self._case(name, folder) for name, folder in self.folders.items()]

    @staticmethod
    def _results(folder):
        return next(folder.glob("4-results.*"))

    def _case(self, name, folder):
        """Tenants are shared by what is processed alone: no case's faults may concern another."""
        path = folder / "0-tenant.toml"
        text = path.read_text() if path.exists() else ""
        good = decide.disposition_of(self.said[name]).startswith("PROCESSED")
        new = self._tenant(path, tomllib.loads(text, parse_float=Decimal))
        tenant = self.tenants.setdefault(text if good else name, new)
        return Case(f"{name} decided", tenant, (folder / "1-event.json").read_bytes(), said=self.said[name])

    def _tenant(self, path, given):
        # A service id for each: two tenants of one would be one to Xceed.
        xceed = oracle.load_tenant(path) | {"service_id": str(500_000 + len(self.tenants))}
        return Tenant(f"canned-{len(self.tenants)}", xceed, given.get("policy", {}), "canned")

    def answer(self, request):
        """(status, content type, body) for a request, found by the event that it carries."""
        payload = parse_xml(request).getroot().findtext(".//{*}payLoad")
        results = self._results(self.folders[parse_xml(payload.encode()).getroot().findtext(".//{*}EventId")])
        if results.suffix == ".xml":
            return 200, "text/xml; charset=utf-8", results.read_bytes()
        head, _, body = results.read_bytes().partition(b"\n\n")
        status, kind = head.decode().splitlines()
        return int(status), kind, body
