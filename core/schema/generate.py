#!/usr/bin/env python3
"""Writes schemas.inc: the facts of every operator signature as constant C++ data.

Needs the onnx package (1.23.2) and onnxruntime (1.32, for com.microsoft):
  python core/schema/generate.py core/schema/schemas.inc
Only facts are taken (names, versions, arities, types, attributes, defaults), no documentation.
"""

import re
import sys

import onnx
import onnx.defs
import onnxruntime
import onnxruntime.capi.onnxruntime_pybind11_state as ort

DOMAINS = ["", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"]
# Operators of ONNX Runtime in ai.onnx that only its own engine inserts, or that belong to one vendor's plug-in.
SKIPPED = re.compile(r"^Memcpy|_TRT$")
ELEMENTS = {name.lower(): value for name, value in onnx.TensorProto.DataType.items()}
STRUCTURES = [
    (r"tensor\((\w+)\)", 0),
    (r"sparse_tensor\((\w+)\)", 1),
    (r"seq\(tensor\((\w+)\)\)", 2),
    (r"optional\(tensor\((\w+)\)\)", 3),
    (r"optional\(seq\(tensor\((\w+)\)\)\)", 4),
    (r"map\(int64,(?:tensor\()?(\w+)\)?\)", 5),
    (r"map\(string,(?:tensor\()?(\w+)\)?\)", 6),
    (r"seq\(map\(int64,(?:tensor\()?(\w+)\)?\)\)", 7),
    (r"seq\(map\(string,(?:tensor\()?(\w+)\)?\)\)", 8),
]


def type_masks(strings):
    """Nine masks over element types, one per structure of STRUCTURES."""
    masks = [0] * 9
    for text in strings:
        text = text.replace(" ", "")
        for pattern, index in STRUCTURES:
            match = re.fullmatch(pattern, text)
            if match:
                masks[index] |= 1 << ELEMENTS[match.group(1)]
                break
        else:
            raise ValueError(f"unknown type {text!r}")
    return tuple(masks)


class Pool:
    """Lists of rows laid end to end; a list that is already there is shared."""

    def __init__(self):
        self.rows, self.known = [], {}

    def add(self, rows):
        rows = tuple(rows)
        if rows not in self.known:
            self.known[rows] = len(self.rows) if rows else 0
            self.rows.extend(rows)
        return self.known[rows]


class Text:
    """All names, each ended by a zero."""

    def __init__(self):
        self.offsets, self.words, self.size = {}, [], 0

    def add(self, word):
        if word not in self.offsets:
            self.offsets[word] = self.size
            self.words.append(word)
            self.size += len(word.encode()) + 1
        return self.offsets[word]


def field(row, *names):
    """The two packages spell the same field differently."""
    for name in names:
        if hasattr(row, name):
            return getattr(row, name)
    raise AttributeError(names)


class Table:
    def __init__(self):
        self.text = Text()
        self.types, self.parameters, self.constraints, self.attributes = Pool(), Pool(), Pool(), Pool()
        self.ints, self.floats, self.strings = Pool(), Pool(), Pool()

    def parameter_list(self, parameters, minimum, constraints):
        rows = []
        for position, p in enumerate(parameters):
            type_string = field(p, "type_str", "typeStr")
            index = constraints.index(type_string) if type_string in constraints else -1
            option = {"Single": 0, "Optional": 1, "Variadic": 2}[p.option.name]
            least = max(0, minimum - position) if option == 2 else 0
            homogeneous = field(p, "is_homogeneous", "isHomogeneous")
            masks = self.types.add([type_masks(p.types)])
            rows.append((self.text.add(p.name), option, int(homogeneous), least, index, masks))
        return self.parameters.add(rows), len(rows)

    def default(self, attribute):
        """(has, count, offset) of the default value."""
        value = attribute._default_value
        if isinstance(value, bytes):
            proto = onnx.AttributeProto()
            proto.ParseFromString(value)
        else:
            proto = attribute.default_value
        kind = attribute.type.name
        if proto.type == onnx.AttributeProto.UNDEFINED:
            return 0, 0, 0
        if kind == "INT":
            return 1, 1, self.ints.add([proto.i])
        if kind == "FLOAT":
            return 1, 1, self.floats.add([proto.f])
        if kind == "STRING":
            return 1, 1, self.text.add(proto.s.decode())
        if kind == "INTS":
            return 1, len(proto.ints), self.ints.add(proto.ints)
        if kind == "STRINGS":
            return 1, len(proto.strings), self.strings.add([self.text.add(s.decode()) for s in proto.strings])
        raise ValueError(f"default of kind {kind}")

    def schema(self, s, standard):
        constraints = [c.type_param_str for c in s.type_constraints]
        first_input, inputs = self.parameter_list(s.inputs, s.min_input, constraints)
        first_output, outputs = self.parameter_list(s.outputs, s.min_output, constraints)
        rows = [(self.text.add(c.type_param_str), self.types.add([type_masks(c.allowed_type_strs)]))
                for c in s.type_constraints]
        attributes = []
        for name, a in sorted(s.attributes.items()):
            kind = onnx.AttributeProto.AttributeType.Value(a.type.name)
            attributes.append((self.text.add(name), kind, int(a.required), *self.default(a)))
        limit = [min(v, 0xFFFF) for v in (s.min_input, s.max_input, s.min_output, s.max_output)]
        return (self.text.add(s.name), DOMAINS.index(s.domain), s.since_version, int(s.deprecated), int(standard), *limit,
                inputs, outputs, len(rows), len(attributes), first_input, first_output, self.constraints.add(rows),
                self.attributes.add(attributes))


def collect():
    standard = onnx.defs.get_all_schemas_with_history()
    known = {(s.domain, s.name, s.since_version) for s in standard}
    extra = [s for s in ort.get_all_operator_schema()
             if s.domain in ("", "com.microsoft") and (s.domain, s.name, s.since_version) not in known
             and not SKIPPED.search(s.name)]
    both = [(s, True) for s in standard] + [(s, False) for s in extra]
    return sorted(both, key=lambda row: (DOMAINS.index(row[0].domain), row[0].name.encode(), row[0].since_version))


def releases():
    """(domain, opset, IR version) of each first release of an opset, oldest first."""
    seen = {}
    for row in onnx.helper.VERSION_TABLE:
        for domain, opset in ((0, row[2]), (1, row[3]), (3, row[4] if len(row) > 4 else 0)):
            if opset and (domain, opset) not in seen:
                seen[domain, opset] = row[1]
    return [(d, o, ir) for (d, o), ir in sorted(seen.items())]


def number(value):
    if isinstance(value, float):
        return value.hex() + "f"
    if value == -(1 << 63):
        return "INT64_MIN"
    return str(value)


# Brace-initialised enumerations and booleans need their own spelling in C++.
def parameter_row(row):
    name, option, homogeneous, least, constraint, types = row
    return f"{{{{{name}}},ParameterOption{{{option}}},{'true' if homogeneous else 'false'},{least},{constraint},{types}}},"


def attribute_row(row):
    name, kind, required, has, count, offset = row
    flags = ",".join("true" if v else "false" for v in (required, has))
    return f"{{{{{name}}},{kind},{flags},{count},{offset}}},"


def schema_row(row):
    name, domain, since, deprecated, standard, *rest = row
    flags = ",".join("true" if v else "false" for v in (deprecated, standard))
    return f"{{{{{name}}},{domain},{since},{flags},{','.join(map(str, rest))}}},"


def emit_items(out, declaration, items):
    out.write(f"constexpr {declaration}[] = {{\n")
    line = ""
    for item in items:
        if len(line) + len(item) > 118:
            out.write(line + "\n")
            line = ""
        line += item
    out.write(line + "\n};\n\n")


def main(path):
    table = Table()
    schemas = [(s, standard, table.schema(s, standard)) for s, standard in collect()]
    newest = {"": onnx.defs.onnx_opset_version()}
    for s, _, _ in schemas:
        newest[s.domain] = max(newest.get(s.domain, 0), s.since_version)
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"// Generated by generate.py from onnx {onnx.__version__} and onnxruntime {onnxruntime.__version__}.\n")
        out.write("// clang-format off\n\n")
        out.write("constexpr struct DomainRow { std::string_view name; int newest; } kDomains[] = {\n")
        for domain in DOMAINS:
            out.write(f'{{"{domain}",{newest[domain]}}},\n')
        out.write("};\n\n")
        out.write("// The first release of each opset, oldest first within a domain.\n")
        out.write("struct Release { int domain_index, opset, ir_version; };\n")
        emit_items(out, "Release kReleases", [f"{{{d},{o},{ir}}}," for d, o, ir in releases()])
        out.write("constexpr char kText[] =\n")
        for word in table.text.words:
            out.write(f'"{word}\\0"\n')
        out.write(";\n\n")
        emit_items(out, "TypeSet kTypeSets", ["{" + ",".join(map(str, row)) + "}," for row in table.types.rows])
        emit_items(out, "SchemaParameter kParameters", map(parameter_row, table.parameters.rows))
        emit_items(out, "SchemaConstraint kConstraints", [f"{{{{{n}}},{t}}}," for n, t in table.constraints.rows])
        emit_items(out, "int64_t kDefaultInts", [number(v) + "," for v in table.ints.rows])
        emit_items(out, "float kDefaultFloats", [number(v) + "," for v in table.floats.rows])
        emit_items(out, "uint16_t kDefaultStrings", [f"{v}," for v in table.strings.rows])
        emit_items(out, "SchemaAttribute kAttributes", map(attribute_row, table.attributes.rows))
        emit_items(out, "Schema kSchemas", [schema_row(row) for _, _, row in schemas])
    print(f"{len(schemas)} signatures, {sum(s for _, s, _ in schemas)} of the specification")
    assert table.text.size < 1 << 16 and max(len(table.parameters.rows), len(table.attributes.rows)) < 1 << 16


if __name__ == "__main__":
    main(sys.argv[1])
