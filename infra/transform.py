"""Writes a template as CloudFormation gets it, after SAM's transform, as JSON. Needs no account and no network.

Usage: transform.py TEMPLATE [PARAMETER=VALUE...]
"""

import json
import os
import sys

# SAM asks for a region, to know the partition.
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class ManagedPolicies:
    """SAM asks it for the ARN of a policy that a template names; this template names none."""

    def load(self):
        return {}


path, *parameters = sys.argv[1:]
with open(path) as file:
    template = yaml_parse(file)
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # Deployment puts the built file there.
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
values = dict(parameter.split("=", 1) for parameter in parameters)
json.dump(transform(template, values, ManagedPolicies()), sys.stdout, indent=2)
