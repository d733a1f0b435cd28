"""Checks that proto/onnx.proto has the same fields, numbers, types, labels and reservations as the onnx package.

Usage: descriptors_test.py PROTOC ONNX_PROTO
Exits with 77 (skipped) where the onnx package is missing.
"""

import subprocess
import sys
import tempfile

try:
    from google.protobuf import descriptor_pb2
    from onnx import onnx_data_pb2, onnx_ml_pb2
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

# Scalars of ONNX's schema file that no message field uses.
UNUSED_ENUMS = {"Version", "OperatorStatus"}


def own_name(name):
    """ONNX's name for a message, without the suffix that Onda leaves out."""
    return name.removesuffix("Proto")


def own_type(name, package):
    parts = name.removeprefix(f".{package}.").split(".")
    return ".".join(own_name(part) for part in parts)


def enums(scope):
    return {e.name: {v.name: v.number for v in e.value} for e in scope.enum_type if e.name not in UNUSED_ENUMS}


def messages(scope, package, prefix=""):
    """Maps each message's name to all that matters on the wire and in protobuf's text."""
    found = {}
    for message in scope:
        name = prefix + own_name(message.name)
        found[name] = {
            "fields": {
                f.number: (
                    f.name,
                    f.label,
                    f.type,
                    own_type(f.type_name, package),
                    message.oneof_decl[f.oneof_index].name if f.HasField("oneof_index") else None,
                    f.options.packed,
                    f.default_value,
                )
                for f in message.field
            },
            "enums": enums(message),
            "reserved": sorted(n for r in message.reserved_range for n in range(r.start, r.end)),
            "reserved_names": sorted(message.reserved_name),
        }
        found.update(messages(message.nested_type, package, name + "."))
    return found


def main():
    protoc, source = sys.argv[1:]
    folder = source.rpartition("/")[0]
    with tempfile.NamedTemporaryFile(suffix=".bin") as out:
        subprocess.run([protoc, f"--descriptor_set_out={out.name}", f"-I{folder}", source], check=True)
        own = descriptor_pb2.FileDescriptorSet.FromString(out.read()).file[0]
    have, want, wrong = messages(own.message_type, own.package), {}, []
    for module in (onnx_ml_pb2, onnx_data_pb2):
        theirs = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(theirs)
        want.update(messages(theirs.message_type, theirs.package))
        if (own.syntax or "proto2") != (theirs.syntax or "proto2"):
            wrong.append(f"syntax: {own.syntax} against {theirs.syntax}")
    for name in sorted(have.keys() | want.keys()):
        for part in ("fields", "enums", "reserved", "reserved_names"):
            ours, other = have.get(name, {}).get(part), want.get(name, {}).get(part)
            if ours != other:
                wrong.append(f"{name} {part}:\n  onda {ours}\n  onnx {other}")
    fields = sum(len(m["fields"]) for m in want.values())
    print("\n".join(wrong) if wrong else f"{len(want)} messages with {fields} fields agree")
    return 1 if wrong or fields < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
