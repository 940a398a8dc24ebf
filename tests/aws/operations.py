"""Every operation of the AWS CLI that is installed, as it is spelled: a line each, service and operation."""
import awscli.clidriver

for service, command in awscli.clidriver.create_clidriver()._get_command_table().items():
    if hasattr(command, "_get_command_table"):
        operations = list(command._get_command_table())
    else:
        operations = list(command.subcommand_table)
    for operation in operations:
        print(service, operation)
