#include "core/check.h"

#include "core/api/handles.h"
#include "proto/import.h"

namespace onda {
namespace {

ProblemSink Teller(OndaProblemFunction report, void* user) {
  return [report, user](const Problem& p) {
    OndaProblem problem{};
    problem.size = sizeof(problem);
    problem.code = static_cast<int32_t>(p.code);
    problem.warning = p.warning;
    problem.opset = p.opset;
    problem.place = p.place.c_str();
    problem.node = p.node.c_str();
    problem.op = p.op.c_str();
    problem.domain = p.domain.c_str();
    problem.cause = p.cause.c_str();
    problem.hint = p.hint.c_str();
    report(user, &problem);
  };
}

// Reads with import(options) and checks what was read. What ends the reading or the walk is the last problem.
template <class Import>
void CheckRead(const ProblemSink& tell, bool inference, Import&& import) {
  try {
    proto::ImportOptions options;
    options.on_problem = tell;
    const Model model = import(options);
    CheckModel(model, inference, tell);
  } catch (const Error& error) {
    tell(Problem::Of(error));
  }
}

void WriteTypes(const Graph& graph, void (*write)(void* user, const char* value, const char* type), void* user) {
  for (const Value& value : graph.values()) {
    if (!value.name.empty()) write(user, value.name.c_str(), value.fact.known() ? value.fact.ToString().c_str() : "");
  }
  for (const Node& node : graph.nodes())
    for (const Body& body : node.bodies) WriteTypes(*body.graph, write, user);
}

}  // namespace

void FillCheckApi(OndaApi& api) {
  api.CheckModelFile = [](const char* path, int32_t inference, OndaProblemFunction report, void* user) {
    return Guard([&] {
      RequireArgument(path, "path");
      RequireArgument(reinterpret_cast<const void*>(report), "report");
      CheckRead(Teller(report, user), inference != 0,
                [&](const proto::ImportOptions& o) { return proto::ImportFile(path, o); });
    });
  };
  api.CheckModelMemory = [](const void* data, size_t size, int32_t inference, OndaProblemFunction report, void* user) {
    return Guard([&] {
      RequireArgument(data, "data");
      RequireArgument(reinterpret_cast<const void*>(report), "report");
      CheckRead(Teller(report, user), inference != 0, [&](const proto::ImportOptions& o) {
        return proto::ImportBytes({nullptr, static_cast<const std::byte*>(data), size}, o);
      });
    });
  };
  api.CheckModelMemoryInFolder = [](const void* data, size_t size, const char* folder, int32_t inference,
                                    OndaProblemFunction report, void* user) {
    return Guard([&] {
      RequireArgument(data, "data");
      RequireArgument(folder, "folder");
      RequireArgument(reinterpret_cast<const void*>(report), "report");
      CheckRead(Teller(report, user), inference != 0, [&](proto::ImportOptions o) {
        o.external_folder = folder;
        return proto::ImportBytes({nullptr, static_cast<const std::byte*>(data), size}, o);
      });
    });
  };
  api.CheckModel = [](const OndaModel* model, int32_t inference, OndaProblemFunction report, void* user) {
    return Guard([&] {
      RequireArgument(model, "model");
      RequireArgument(reinterpret_cast<const void*>(report), "report");
      CheckModel(*model->model, inference != 0, Teller(report, user));
    });
  };
  api.ModelInferShapes = [](const OndaModel* model, OndaModel** out) {
    return Guard([&] {
      RequireArgument(model, "model");
      RequireArgument(out, "out");
      *out = new OndaModel{std::make_shared<const Model>(InferShapes(*model->model)), "", ""};
    });
  };
  api.ModelValueTypes = [](const OndaModel* model, void (*write)(void*, const char*, const char*), void* user) {
    return Guard([&] {
      RequireArgument(model, "model");
      RequireArgument(reinterpret_cast<const void*>(write), "write");
      WriteTypes(*model->model->graph, write, user);
    });
  };
}

}  // namespace onda
