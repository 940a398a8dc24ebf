# A small project with some history, and the remote it was cloned from; `$1` is where.
set -eu
cd "$1"
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
git init -q --bare -b main origin.git
git clone -q origin.git project 2>/dev/null
cd project
git config user.name dev
git config user.email dev@example.com
mkdir -p src docs tests scripts web/src lib/left infra k8s py
printf 'node_modules/\ndist/\nbuild/\ntarget/\n*.log\n*.tmp\n__pycache__/\n.env\ncoverage/\n.terraform/\n*.tfstate*\nbuild.*\ntmp/\npart.*\n*.tgz\n' >.gitignore
printf 'all: build\nbuild: src/main.c\n\t@mkdir -p build\n\t@cp src/main.c build/main.c\n\t@echo built\ntest: build\n\t@grep -q main build/main.c && echo passed\nclean:\n\t@rm -rf build\ninstall: build\n\t@install -m 644 build/main.c "$(DESTDIR)/main.c"\n.PHONY: all build test clean install\n' >Makefile
printf 'int main(void) { return 0; }\n' >src/main.c
printf '#include "a.h"\nint a(void) { return 1; }\n' >src/a.c
printf 'int a(void);\n' >src/a.h
printf '# project\n\nA small project.\n' >README.md
printf 'one\ntwo\nthree\nfour\n' >docs/notes.txt
printf 'guide\n' >docs/guide.md
printf '#!/bin/sh\necho checked "$@"\n' >scripts/check
chmod +x scripts/check
cat >web/package.json <<'JSON'
{
  "name": "web",
  "version": "1.0.0",
  "private": true,
  "scripts": {
    "build": "mkdir -p dist && cp src/app.js dist/app.js",
    "test": "node -e 1",
    "clean": "rm -rf dist",
    "lint": "node --check src/app.js"
  },
  "dependencies": { "left": "file:../lib/left" }
}
JSON
printf '{"name": "left", "version": "1.0.0", "main": "index.js"}\n' >lib/left/package.json
printf 'module.exports = (s) => s;\n' >lib/left/index.js
printf 'console.log("app");\n' >web/src/app.js
printf 'FROM scratch\nCOPY src/main.c /main.c\n' >Dockerfile
printf 'services:\n  app:\n    build: .\n    volumes:\n      - ./src:/src\n' >compose.yaml
printf 'terraform {}\n\nresource "terraform_data" "a" {\n  input = "a"\n}\n' >infra/main.tf
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: "1"\n' >k8s/config.yaml
printf 'def add(a, b):\n    return a + b\n' >py/calc.py
printf 'import unittest\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n' >py/test_calc.py
printf 'create table t (id integer primary key, name text);\ninsert into t (name) values (1), (2);\n' >docs/schema.sql
git add -A
git commit -q -m 'first'
printf 'five\n' >>docs/notes.txt
git commit -q -am 'second'
git tag v1.0
git push -q origin main v1.0
git remote set-head origin main
(cd web && npm install --silent --no-audit --no-fund >/dev/null 2>&1)
git add web/package-lock.json
git commit -q -m 'lock'
git push -q
