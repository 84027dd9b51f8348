"""A real Prometheus scrapes a real cluster, by the rules and with the queries of ops/."""

import json
import pathlib
import re
import shutil
import subprocess
import unittest
import urllib.error
import urllib.parse
import urllib.request

import cluster
from system_test import SystemTest

OPS = pathlib.Path(__file__).resolve().parents[2] / "ops"


@unittest.skipUnless(shutil.which("prometheus") and shutil.which("promtool"),
                     "Prometheus is not installed")
class Prometheus(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def scrape_with_prometheus(self):
        """Starts a Prometheus over the cluster; ends with the test."""
        config = (OPS / "prometheus.yml").read_text()
        targets = json.dumps([f"127.0.0.1:{node.http_port}" for node in self.cluster.nodes])
        config = re.sub(r"targets: \[.*\]", f"targets: {targets}", config)
        config = config.replace("interval: 5s", "interval: 1s")
        config = config.replace("alerts.yml", str(OPS / "alerts.yml"))
        path = self.scratch / "prometheus.yml"
        path.write_text(config)
        [self.port] = cluster.free_ports(1)
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "SIGKILL", "--", "prometheus", f"--config.file={path}",
             f"--storage.tsdb.path={self.scratch / 'prometheus'}",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            process.kill()
            process.wait()

        self.addCleanup(end)

    def ask(self, path):
        """The data of a call of Prometheus's API; None while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as failure:
            self.assertNotEqual(400, failure.code, f"{path}: {failure.read()}")
            return None
        except (OSError, ValueError):
            return None

    def values(self, expression):
        """What a query gives, by instance."""
        data = self.ask("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return {one["metric"].get("instance"): float(one["value"][1])
                for one in (data or {}).get("result", [])}

    def test_metrics_are_as_prometheus_wants_them(self):
        with self.leader.client() as client:
            client.call("SET", "key", "value")
        code, text = self.leader.get("/metrics")
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

        self.assertEqual(200, code)
        self.assertEqual((0, ""), (checked.returncode, checked.stdout))
        for name, meaning in re.findall(r"# HELP (\S+) (.*)", text):
            self.assertNotEqual(name, meaning, f"{name} says nothing of itself")

    def test_rules_and_configuration_are_sound(self):
        for what, file in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
            done = subprocess.run(["promtool", "check", what, str(OPS / file)], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual(0, done.returncode, done.stdout)

    def test_a_killed_leader_is_seen_and_alerted(self):
        self.scrape_with_prometheus()
        everyone = {f"127.0.0.1:{node.http_port}" for node in self.cluster.nodes}
        cluster.wait_until(lambda: set(self.values("mainstay_term")) == everyone, 30,
                           "not all nodes are scraped")
        old = f"127.0.0.1:{self.leader.http_port}"
        self.assertEqual(1, self.values("mainstay_is_leader == 1").get(old))
        before = max(self.values("mainstay_term").values())
        self.leader.kill()

        cluster.wait_until(lambda: any(self.values("mainstay_is_leader == 1 and mainstay_term > "
                                                   f"{before}")), 30, "no new leader is seen")
        cluster.wait_until(lambda: self.alert("MainstayNodeDown"), 30, "nobody is alerted")
        self.assertFalse(self.alert("MainstayNoLeader"))

    def alert(self, name):
        """Whether an alert waits or fires."""
        alerts = (self.ask("/api/v1/alerts") or {}).get("alerts", [])
        return any(one["labels"]["alertname"] == name for one in alerts)

    def test_every_query_of_the_dashboard_has_an_answer(self):
        self.scrape_with_prometheus()
        with self.leader.client() as client:
            for number in range(100):
                client.call("SET", f"key{number}", "value")
        dashboard = json.loads((OPS / "dashboard.json").read_text())
        queries = [target["expr"].replace("$job", "mainstay")
                   for panel in dashboard["panels"] for target in panel["targets"]]
        needs_failures = "mainstay_rpc_failures_total"
        for query in queries:
            if needs_failures in query:
                self.assertIsNotNone(
                    cluster.wait_until(lambda q=query: self.ask(
                        "/api/v1/query?" + urllib.parse.urlencode({"query": q})), 30, query))
            else:
                cluster.wait_until(lambda q=query: self.values(q), 30, f"no answer to {query}")


if __name__ == "__main__":
    unittest.main()
