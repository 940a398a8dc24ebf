"""A cluster of the size a test needs: answers kubectl's questions the same way each time, and keeps nothing."""
import http.server
import json

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default"}, 
       "spec": {"containers": [{"name": "web", "image": "web"}]}, "status": {"phase": "Running"}}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def resource(name, kind, short):
    return {"name": name, "singularName": "", "namespaced": True, "kind": kind, "shortNames": short, "verbs": VERBS}


CORE = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
    resource("pods", "Pod", ["po"]), resource("configmaps", "ConfigMap", ["cm"])]}
ANSWERS = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": CORE,
    "/api/v1/namespaces/default/pods": {"apiVersion": "v1", "kind": "PodList", "items": [POD]},
    "/api/v1/namespaces/default/pods/web": POD,
    "/api/v1/namespaces/default/configmaps/known": {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "known", "namespace": "default"}, "data": {"a": "1"}},
}


class Cluster(http.server.BaseHTTPRequestHandler):
    def answer(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.endswith("/log"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"started\n")
        elif path in ANSWERS:
            self.answer(200, ANSWERS[path])
        else:
            self.answer(404, {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
                              "message": "not found"})

    def do_POST(self):
        self.answer(201, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Cluster)
print(server.server_port, flush=True)
server.serve_forever()
