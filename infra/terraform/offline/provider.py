"""Runs Terraform over a folder without AWS and without its provider: validate, plan of each environment, test.

Answers Terraform as the AWS provider would, with the schemas that the npm package @cdktf/provider-aws holds (provider
6.25.0). What the schemas do not say is not checked: enumerations, conflicts, limits beyond one block.

usage: provider.py FOLDER
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import grpc
import grpc_tools.protoc
import msgpack

PACKAGE = "@cdktf/provider-aws@21.22.1"
UNKNOWN = msgpack.ExtType(0, b"\x00")
LIST, SET, SINGLE = 2, 3, 1
SIMPLE = {"string": "string", "boolean": "bool", "number": "number"}
COLLECTIONS = {"List": "list", "Set": "set", "Map": "map"}
# What data sources answer, where their own schemas would leave it empty.
ANSWERS = {
    "aws_availability_zones": {"names": ["here-1a", "here-1b", "here-1c"]},
    "aws_caller_identity": {"account_id": "000000000000"},
    "aws_region": {"region": "here-1"},
    "aws_iam_policy_document": {"json": "{}"},
}

here = pathlib.Path(__file__).resolve().parent
work = pathlib.Path(tempfile.mkdtemp(prefix="terraform-"))


def squeezed(name):
    """`image_tag_mutability` and `imageTagMutability` alike."""
    return name.replace("_", "").lower()


class Source:
    """The JavaScript of one resource or data source, whose shape its generator fixed."""

    def __init__(self, folder):
        self.text = (folder / "index.js").read_text()
        declarations = (folder / "index.d.ts").read_text()
        self.interfaces = {}
        for name, body in re.findall(r"export interface (\w+)[^{]*\{(.*?)\n\}", declarations, re.S):
            fields = re.findall(r"readonly (\w+)(\??): ([^\n]+);", body)
            self.interfaces[name] = {squeezed(it): (mark != "?", kind) for it, mark, kind in fields}

    def attrs(self, start):
        """The table that follows `start`: name, kind, storage class, whether a block, and its value's text."""
        body = self.text[self.text.index(start) :]
        body = body[: body.index("// remove undefined attributes")]
        pattern = r"(\w+): \{\n\s*value: (.*?),\n\s*isBlock: (\w+),\n\s*type: \"(\w+)\",\n\s*storageClassType: \"(\w+)\""
        return re.findall(pattern, body)

    def block(self, proto, start, interface, computed):
        block = proto.Schema.Block()
        fields = self.interfaces.get(interface, {})
        for name, value, is_block, kind, storage in self.attrs(start):
            required, declared = fields.get(squeezed(name), (False, ""))
            function = re.search(r"(\w+)ToHclTerraform", value.replace("cdktf.", ""))
            if is_block == "true" and function:
                inner = function.group(1)
                inner_name = inner[0].upper() + inner[1:]
                answers = self.computed(f"{inner_name}OutputReference")
                nested = self.block(proto, f"function {inner}ToHclTerraform", inner_name, answers)
                nesting = {"list": LIST, "set": SET}.get(kind, SINGLE)
                most = 0 if "[]" in declared else 1
                block.block_types.add(
                    type_name=name,
                    block=nested,
                    nesting=nesting,
                    min_items=int(required and nesting != SINGLE),
                    max_items=most if nesting != SINGLE else 0,
                )
                continue
            computed.pop(name, None)
            block.attributes.add(
                name=name,
                type=json.dumps(attribute(kind, storage)).encode(),
                required=required,
                optional=not required,
                computed=not required,
            )
        for name, kind in computed.items():
            if name not in [it.type_name for it in block.block_types]:
                block.attributes.add(name=name, type=json.dumps(kind).encode(), computed=True)
        return block

    def computed(self, name):
        """What the getters of a class give that is no setting: name and type."""
        found = {}
        body = re.search(rf"\nclass {name} extends .*?\n\}}", self.text, re.S)
        body = body.group(0) if body else ""
        for kind, it in re.findall(r"return this\.get(\w+?)Attribute\('(\w+)'\)", body):
            found[it] = simple(kind)
        for kind, it in re.findall(r"= new (\w+)List\(this, \"(\w+)\"", body):
            inner = re.search(rf"\nclass {kind}OutputReference ", self.text)
            found[it] = ["list", ["object", self.computed(f"{kind}OutputReference")]] if inner else "dynamic"
        for it in re.findall(r"Fn\.tolist\(this\.getListAttribute\('(\w+)'\)\)", body):
            found[it] = ["set", "string"]
        return found


def simple(kind):
    kind = kind[0].lower() + kind[1:]
    for suffix, collection in COLLECTIONS.items():
        if kind == suffix.lower():
            return [collection, "string"]
        if kind.endswith(suffix):
            return [collection, SIMPLE.get(kind.removesuffix(suffix), "string")]
    return SIMPLE.get(kind, "dynamic")


def attribute(kind, storage):
    if kind == "simple":
        return SIMPLE.get(storage, "dynamic")
    found = simple(storage)
    return [kind, found[1]] if isinstance(found, list) else "dynamic"


def schema(proto, package, kind, is_data):
    """The schema of a type such as `aws_eks_cluster`."""
    name = kind.removeprefix("aws_").replace("_", "-")
    source = Source(package / "lib" / (f"data-aws-{name}" if is_data else name))
    owner = re.search(r"\nclass (\w+) extends cdktf\.Terraform(?:Resource|DataSource)", source.text)
    owner = owner.group(1)
    block = source.block(
        proto, "synthesizeHclAttributes()", f"{owner}Config", source.computed(owner)
    )
    return proto.Schema(block=block)


def provider_schema(proto):
    schema = proto.Schema()
    schema.block.attributes.add(name="region", type=b'"string"', optional=True)
    tags = proto.Schema.NestedBlock(type_name="default_tags", nesting=LIST, max_items=1)
    tags.block.attributes.add(name="tags", type=b'["map","string"]', optional=True)
    schema.block.block_types.append(tags)
    return schema


class Provider:
    def __init__(self, proto, types, package):
        self.proto = proto
        self.answer = proto.GetProviderSchema.Response(provider=provider_schema(proto))
        for is_data, kind in types:
            found = schema(proto, package, kind, is_data)
            (self.answer.data_source_schemas if is_data else self.answer.resource_schemas)[kind].CopyFrom(found)

    def GetProviderSchema(self, _request, _context):
        return self.answer

    def ValidateProviderConfig(self, _request, _context):
        return self.proto.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, _request, _context):
        return self.proto.Validate.Response()

    def ValidateDataResourceConfig(self, _request, _context):
        return self.proto.Validate.Response()

    def ConfigureProvider(self, _request, _context):
        return self.proto.ConfigureProvider.Response()

    def PlanResourceChange(self, request, _context):
        """What is proposed, with unknown for all that AWS would answer."""
        value = msgpack.unpackb(request.proposed_new_state.msgpack, ext_hook=msgpack.ExtType, strict_map_key=False)
        if value is not None:
            for it in self.answer.resource_schemas[request.type_name].block.attributes:
                if it.computed and not it.optional and value.get(it.name) is None or it.name in ("id", "arn"):
                    value[it.name] = UNKNOWN
        planned = self.proto.DynamicValue(msgpack=msgpack.packb(value))
        return self.proto.PlanResourceChange.Response(planned_state=planned)

    def ReadDataSource(self, request, _context):
        value = msgpack.unpackb(request.config.msgpack, ext_hook=msgpack.ExtType, strict_map_key=False)
        value.update(ANSWERS.get(request.type_name, {}))
        return self.proto.ReadDataSource.Response(state=self.proto.DynamicValue(msgpack=msgpack.packb(value)))

    def StopProvider(self, _request, _context):
        return self.proto.StopProvider.Response()


def compiled():
    words = ["protoc", f"-I{here}", f"--python_out={work}", f"--grpc_python_out={work}", "provider.proto"]
    if grpc_tools.protoc.main(words) != 0:
        sys.exit("could not compile provider.proto")
    sys.path.insert(0, str(work))
    import provider_pb2
    import provider_pb2_grpc

    return provider_pb2, provider_pb2_grpc


def package():
    """The npm package, kept in the temporary folder of the user."""
    folder = pathlib.Path(tempfile.gettempdir()) / PACKAGE.replace("/", "-").replace("@", "")
    if not (folder / "package/package.json").exists():
        folder.mkdir(exist_ok=True)
        archive = subprocess.check_output(["npm", "pack", "--silent", PACKAGE], cwd=folder, text=True).split()[-1]
        subprocess.check_call(["tar", "-xzf", archive], cwd=folder)
        (folder / archive).unlink()
    return folder / "package"


def types(folder):
    found = set()
    for file in folder.rglob("*.tf"):
        for word, kind in re.findall(r'^(resource|data) "(aws_\w+)"', file.read_text(), re.M):
            found.add((word == "data", kind))
    return sorted(found)


def main(folder):
    proto, services = compiled()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=[("grpc.max_send_message_length", -1)])
    services.add_ProviderServicer_to_server(Provider(proto, types(folder), package()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    reattach = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
    environment = os.environ | {"TF_REATTACH_PROVIDERS": json.dumps({"hashicorp/aws": reattach}), "TF_IN_AUTOMATION": "1"}
    copy = work / "terraform"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".terraform*"))
    # The state stays here.
    (copy / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    runs = [["init"], ["validate"], ["test"]]
    runs += [["plan", "-refresh=false", f"-var-file={it.name}"] for it in sorted(copy.glob("*.tfvars"))]
    for run in runs:
        print("terraform", *run, flush=True)
        words = ["terraform", run[0], "-no-color"] + (["-input=false"] if run[0] in ("init", "plan") else []) + run[1:]
        done = subprocess.run(words, cwd=copy, env=environment, text=True, capture_output=True, check=False)
        lines = done.stdout.splitlines()
        if done.returncode != 0:
            print(done.stdout, done.stderr)
            sys.exit(f"terraform {run[0]} failed")
        print("\n".join(it for it in lines if it.startswith(("Plan:", "Success"))), flush=True)
    server.stop(None)


try:
    main(pathlib.Path(sys.argv[1]).resolve())
finally:
    shutil.rmtree(work)
