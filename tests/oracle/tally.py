"""What a suite counts: checks that hold, and those that fail, each told as it does."""


class Tally:
    passed = failed = 0

    def expect(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}", flush=True)
        return good
