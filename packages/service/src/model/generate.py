"""
Writes service-model.ts and shapes.ts beside this file: our own description of KinesisAnalyticsV2, taken from the service
model that botocore ships, without its texts. Run it when AWS changes the API:

    python -m venv .cache/venv && .cache/venv/bin/pip install boto3
    .cache/venv/bin/python packages/service/src/model/generate.py && npx biome check --write packages/service/src/model
"""

import gzip
import json
import os

import botocore

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(os.path.dirname(botocore.__file__), "data/kinesisanalyticsv2/2018-05-23/service-2.json.gz")
SCALARS = {"string": "string", "integer": "number", "long": "number", "boolean": "boolean", "timestamp": "number", "blob": "Buffer"}


def described(shape):
    """A shape with what a validator needs, and nothing else."""
    out = {"type": shape["type"]}
    for key in ("required", "min", "max", "pattern", "enum"):
        if key in shape:
            out[key] = shape[key]
    if shape["type"] == "structure":
        out["members"] = {name: member["shape"] for name, member in shape["members"].items()}
    if shape["type"] == "list":
        out["member"] = shape["member"]["shape"]
    if shape["type"] == "map":
        out["key"], out["value"] = shape["key"]["shape"], shape["value"]["shape"]
    return out


def type_of(shapes, name):
    """The TypeScript type of a shape: structures by reference, all else spelled out."""
    shape = shapes[name]
    if shape["type"] == "structure":
        return f"Shapes['{name}']"
    if shape["type"] == "list":
        return f"readonly ({type_of(shapes, shape['member']['shape'])})[]"
    if shape["type"] == "map":
        return f"Readonly<Record<string, {type_of(shapes, shape['value']['shape'])}>>"
    if "enum" in shape:
        return " | ".join(f"'{value}'" for value in shape["enum"])
    return SCALARS[shape["type"]]


def structure_type(shapes, shape):
    required = shape.get("required", [])
    if not shape["members"]:
        return "Readonly<Record<never, never>>"
    lines = []
    for name, member in shape["members"].items():
        mark, more = ("", "") if name in required else ("?", " | undefined")
        lines.append(f"readonly {name}{mark}: {type_of(shapes, member['shape'])}{more}")
    return "{\n" + "\n".join(lines) + "\n}"


def main():
    with gzip.open(MODEL) as file:
        model = json.load(file)
    shapes = {name: shape for name, shape in model["shapes"].items() if not shape.get("exception")}
    operations = {
        name: {"input": op["input"]["shape"], "output": op["output"]["shape"], "errors": [e["shape"] for e in op["errors"]]}
        for name, op in sorted(model["operations"].items())
    }
    version = model["metadata"]["apiVersion"]
    source = f"/** Made by generate.py of botocore {botocore.__version__}, API version {version}; see there. */\n"

    def lines(values):
        return "".join(f"    {name}: {json.dumps(value)},\n" for name, value in values.items())

    with open(os.path.join(HERE, "service-model.ts"), "w") as file:
        file.write("import type { ServiceModel } from './model.ts'\n\n")
        file.write(source)
        file.write("// biome-ignore format: one shape a line\n")
        file.write("export const serviceModel: ServiceModel = {\n")
        file.write(f"  targetPrefix: {json.dumps(model['metadata']['targetPrefix'])},\n")
        file.write("  operations: {\n" + lines(operations) + "  },\n")
        file.write("  shapes: {\n" + lines({n: described(s) for n, s in sorted(shapes.items())}) + "  },\n}\n")
    with open(os.path.join(HERE, "shapes.ts"), "w") as file:
        file.write(source)
        file.write("export interface Operations {\n")
        for name, op in operations.items():
            file.write(f"  {name}: {{ input: Shapes['{op['input']}']; output: Shapes['{op['output']}'] }}\n")
        file.write("}\n\n/** The structures of requests and answers. Timestamps are epoch seconds. */\nexport interface Shapes {\n")
        for name, shape in sorted(shapes.items()):
            if shape["type"] == "structure":
                file.write(f"  {name}: {structure_type(shapes, shape)}\n")
        file.write("}\n")


main()
