"""The stack of template.yaml in moto: what CloudFormation would create from the template after SAM's transform.

moto's own CloudFormation creates what it can, evaluates all functions and conditions of the template, and keeps
parameters and outputs for DescribeStacks. It lacks the API, and makes every KMS key a symmetric one, so these come
from elsewhere, and references to them become literals first:

- the API is the local gateway, and a function the binary of that name;
- KMS keys are made through KMS, with the properties that the template gives them;
- TTL, recovery and protection of the table, which moto's CloudFormation ignores, are set through DynamoDB.
"""

import json
import subprocess
import sys

from process import ROOT

NAME = "ciba-smoke"

# The types that moto's CloudFormation creates as the template says. Everything else of the template is what `made` stands for,
# or is of no use without AWS: routes, roles, alarms, versions and aliases.
CREATED = {
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::KMS::Alias",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}


def transformed(path=ROOT / "template.yaml"):
    """A template as CloudFormation gets it."""
    command = [sys.executable, ROOT / "infra/transform.py", path]
    return json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)


def of_type(template, wanted):
    return {name: it for name, it in template["Resources"].items() if it["Type"] == wanted}


def binary(resource):
    """The name of the program that a function runs."""
    return resource["Metadata"]["BuildProperties"]["Binary"]


class Stack:
    """A stack in moto. `aws` makes clients of its services."""

    def __init__(self, aws, template, parameters, api):
        self.aws, self.template = aws, template
        self.functions = {name: binary(it) for name, it in of_type(template, "AWS::Lambda::Function").items()}
        made = {("Api", "ApiEndpoint"): api}
        made |= {(name, "Ref"): program for name, program in self.functions.items()}
        made |= self.make_keys()
        # moto's CloudFormation has no reference to a bus: it is its name.
        for name, bus in of_type(template, "AWS::Events::EventBus").items():
            made[name, "Ref"] = bus["Properties"]["Name"]
        reduced = self.reduced(made)
        values = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        formation = aws("cloudformation")
        formation.create_stack(StackName=NAME, TemplateBody=json.dumps(reduced), Parameters=values)
        described = formation.describe_stacks(StackName=NAME)["Stacks"][0]
        if described["StackStatus"] != "CREATE_COMPLETE":
            raise RuntimeError(f"moto's stack is {described['StackStatus']}")
        self.evaluated = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        self.complete_tables()

    def make_keys(self):
        """A key has what the template says that it has, but for its policy: moto has no IAM."""
        kms, made = self.aws("kms"), {}
        for name, key in of_type(self.template, "AWS::KMS::Key").items():
            properties = key["Properties"]
            given = {name: properties[name] for name in ("KeySpec", "KeyUsage") if name in properties}
            created = kms.create_key(**given)["KeyMetadata"]
            if properties.get("EnableKeyRotation"):
                kms.enable_key_rotation(KeyId=created["KeyId"])
            made |= {(name, "Ref"): created["KeyId"], (name, "Arn"): created["Arn"]}
        return made

    def reduced(self, made):
        """The part of the template that moto's CloudFormation creates, with an output for each value that is needed here."""
        template = {name: part for name, part in self.template.items() if name in ("Parameters", "Conditions")}
        resources = {name: it for name, it in self.template["Resources"].items() if it["Type"] in CREATED}
        template["Resources"] = with_literals(resources, made)
        outputs = {}
        for name, output in self.template["Outputs"].items():
            output = with_literals(output, made)
            missing = references(output) - resources.keys() - self.template["Parameters"].keys()
            if not missing:
                outputs[name] = output
            elif "Condition" not in output:
                raise RuntimeError(f"the output {name} needs {missing}, which is not created here")
        for name, value in self.wanted():
            outputs[name] = {"Value": with_literals(value, made)}
        return {**template, "Outputs": outputs}

    def wanted(self):
        """What is needed of resources that moto's CloudFormation does not create, or creates incompletely."""
        for name, function in of_type(self.template, "AWS::Lambda::Function").items():
            for variable, value in function["Properties"]["Environment"]["Variables"].items():
                yield f"{name}.{variable}", value
        for name, mapping in of_type(self.template, "AWS::Lambda::EventSourceMapping").items():
            yield f"{name}.source", mapping["Properties"]["EventSourceArn"]
        for name, table in of_type(self.template, "AWS::DynamoDB::Table").items():
            yield f"{name}.name", {"Ref": name}
            yield f"{name}.protected", table["Properties"]["DeletionProtectionEnabled"]

    def complete_tables(self):
        dynamodb = self.aws("dynamodb")
        for name, table in of_type(self.template, "AWS::DynamoDB::Table").items():
            properties = table["Properties"]
            called = {"TableName": self.evaluated[f"{name}.name"]}
            # A text until then.
            dynamodb.update_table(**called, DeletionProtectionEnabled=self.evaluated[f"{name}.protected"] == "true")
            if "TimeToLiveSpecification" in properties:
                ttl = properties["TimeToLiveSpecification"]
                dynamodb.update_time_to_live(**called, TimeToLiveSpecification=ttl)
            if "PointInTimeRecoverySpecification" in properties:
                recovery = properties["PointInTimeRecoverySpecification"]
                dynamodb.update_continuous_backups(**called, PointInTimeRecoverySpecification=recovery)

    def environments(self):
        """The environment of each function, by the name of its program."""
        found = {program: {} for program in self.functions.values()}
        for key, value in self.evaluated.items():
            function, _, variable = key.partition(".")
            if function in self.functions:
                found[self.functions[function]][variable] = value
        return found

    def mappings(self):
        """Each event source mapping: the program that it invokes, its source, and its other properties."""
        for name, mapping in of_type(self.template, "AWS::Lambda::EventSourceMapping").items():
            properties = mapping["Properties"]
            alias = self.template["Resources"][properties["FunctionName"]["Ref"]]
            function = alias["Properties"]["FunctionName"]["Ref"]
            timeout = self.template["Resources"][function]["Properties"]["Timeout"]
            yield name, self.functions[function], timeout, self.evaluated[f"{name}.source"], properties


def with_literals(value, made):
    """The same with the references that `made` has replaced by what it has for them."""
    if isinstance(value, list):
        return [with_literals(it, made) for it in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(function, argument)] = value.items()
        if function == "Ref" and (argument, "Ref") in made:
            return made[argument, "Ref"]
        if function == "Fn::GetAtt" and tuple(argument) in made:
            return made[tuple(argument)]
        if function == "Fn::Sub" and isinstance(argument, str):
            for (name, attribute), literal in made.items():
                reference = name if attribute == "Ref" else f"{name}.{attribute}"
                if isinstance(literal, str):
                    argument = argument.replace(f"${{{reference}}}", literal)
            return {function: argument}
    return {key: with_literals(it, made) for key, it in value.items()}


def references(value):
    """The resources and parameters that a value names, without those in the text of a Sub, which names parameters only."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    if set(value) == {"Ref"}:
        return set() if value["Ref"].startswith("AWS::") else {value["Ref"]}
    if set(value) == {"Fn::GetAtt"}:
        return {value["Fn::GetAtt"][0]}
    if set(value) == {"Fn::If"}:
        return references(value["Fn::If"][1:])
    return references(list(value.values()))
